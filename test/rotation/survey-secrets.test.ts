import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readKubeconfig } from '../../src/pki/kubeconfig.js';
import { CUT_KEYS, CUT_SECRETS, parseLook, show } from '../../src/rotation/host-survey.js';

const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const certificate = base64(CERTIFICATE);
const keyOf = (kind: string): string => {
  const line = 'Secret0Secret1Secret2Secret3Secret4Secret5Secret6Secret7Secret8+/';
  return base64(
    `-----BEGIN ${kind}PRIVATE KEY-----\n${`${line}\n`.repeat(9)}-----END ${kind}PRIVATE KEY-----\n`,
  );
};
const several = (text: string): string => text.replaceAll(/(.{64})/g, '$1\n        ');

const user = (body: string): string => `users:\n- name: u\n  user:${body}`;
const FORMS: [string, (key: string) => string][] = [
  [
    'YAML as kubeadm writes it',
    (key) =>
      user(
        `\n    client-certificate-data: ${certificate}\n    client-key-data: ${key}\n    token: s3cret\n`,
      ),
  ],
  [
    'a flow mapping',
    (key) =>
      user(` {client-certificate-data: ${certificate}, client-key-data: ${key}, token: s3cret}\n`),
  ],
  [
    'JSON',
    (key) =>
      JSON.stringify({
        users: [
          {
            name: 'u',
            user: {
              'client-certificate-data': certificate,
              'client-key-data': key,
              token: 's3cret',
              'auth-provider': { config: { 'id-token': 's3cret' } },
            },
          },
        ],
      }),
  ],
  [
    'a value of several lines',
    (key) =>
      user(
        `\n    client-certificate-data: ${certificate}\n    password: s3cret\n    client-key-data: |\n        ${several(key)}\n`,
      ),
  ],
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caravan-survey-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function look(path: string) {
  const script = show('mark', [path], CUT_SECRETS).text;
  const stdout = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  return { stdout, file: parseLook(stdout, 'mark').files[path] };
}

test.each(FORMS)('no key of a kubeconfig leaves the host: %s', (_form, write) => {
  for (const kind of ['', 'RSA ', 'EC ', 'ENCRYPTED ', 'DSA ', 'OPENSSH ']) {
    const path = join(folder, 'admin.conf');
    const key = keyOf(kind);
    writeFileSync(path, write(key));
    const { stdout, file } = look(path);
    for (let at = 0; at + 40 < key.length; at += 8)
      expect(stdout).not.toContain(key.slice(at, at + 40));
    expect(stdout).not.toContain('s3cret');
    expect(readKubeconfig(file?.text ?? '').users[0]?.clientCertificate).toEqual({
      pem: CERTIFICATE,
    });
  }
});

test.each(['|', '>-', ''])('a certificate that is folded (%s) over lines is told', (style) => {
  const path = join(folder, 'admin.conf');
  const folded = several(base64(CERTIFICATE.repeat(9)));
  writeFileSync(path, user(`\n    client-certificate-data: ${style}\n        ${folded}\n`));
  expect(() => readKubeconfig(look(path).file?.text ?? '')).toThrow(
    "The kubeconfig's client-certificate-data is not base64 in one line.",
  );
});

test('a file is told to hold a key, which stays on the host', () => {
  const path = join(folder, 'both.pem');
  writeFileSync(
    path,
    `${CERTIFICATE}-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n`,
  );
  const script = show('mark', [path], CUT_KEYS).text;
  const stdout = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  expect(parseLook(stdout, 'mark').files[path]).toMatchObject({ hasKey: true, text: CERTIFICATE });
});
