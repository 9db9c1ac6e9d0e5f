import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAuthority } from '../../src/pki/authority.js';
import { CATALOGUE } from '../../src/pki/catalogue.js';
import { parseCertificates } from '../../src/pki/certificate.js';
import { issueClient } from '../../src/pki/issue.js';
import { newSerial } from '../../src/pki/serial.js';
import { AuthorityStore, type AuthorityPair } from '../../src/rotation/authorities.js';
import {
  certificateChange,
  seenIn,
  switchKubeletLeaf,
  trustText,
} from '../../src/rotation/changes.js';
import type { FoundItem } from '../../src/rotation/locations.js';
import { leafFor, validity } from '../../src/rotation/leaves.js';

const now = new Date();
const item = (name: string) => CATALOGUE.find((one) => one.name === name)!;

function authority(commonName: string) {
  const made = createAuthority({
    commonName,
    keyAlgorithm: 'ecdsa-p256',
    serial: newSerial(randomBytes),
    ...validity(now, 10),
  });
  return { certificate: made.certificate, pem: made.certificate.pem, key: made.key };
}

let folder: string;
let pair: AuthorityPair & { readonly new: NonNullable<AuthorityPair['new']> };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caravan-changes-'));
  pair = { old: authority('kubernetes'), new: authority('kubernetes-new') };
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function kubeletFile() {
  const { certificate, key } = issueClient({
    commonName: 'system:node:w1',
    organizations: ['system:nodes'],
    by: { certificate: pair.old.certificate, key: pair.old.key! },
    serial: newSerial(randomBytes),
    keyAlgorithm: 'ecdsa-p256',
    ...validity(now, 5),
  });
  const path = join(folder, 'kubelet-client-2026-01-01-00-00-00.pem');
  writeFileSync(path, certificate.pem + key.reveal(), { mode: 0o600 });
  const link = join(folder, 'kubelet-client-current.pem');
  symlinkSync(path, link);
  return { path, link, leaf: certificate.pem };
}

const found = (name: string, path: string, pem: string, embedded = false): FoundItem => ({
  item: item(name),
  path,
  pem,
  embedded,
});

interface Scripted {
  readonly kind: string;
  readonly script?: { readonly text: string };
}

const textOf = ({ script }: Scripted): string => script!.text;

function run(change: Scripted): void {
  execFileSync('sh', ['-c', textOf(change)], { stdio: 'pipe' });
}

test('switchKubeletLeaf gives the same key a leaf of the new CA, and goes back to the first bytes', async () => {
  const { path, link, leaf } = kubeletFile();
  const before = readFileSync(link, 'utf8');
  const here = found('kubelet kubeconfig leaf', link, leaf);
  const store = new AuthorityStore(join(folder, 'state'));
  const planned = await leafFor(store, pair, 'w1', here, 'new', now);
  run(switchKubeletLeaf(here, planned.text, 'old → new', '2026-11-24-00-00-00', false));

  const after = readFileSync(link, 'utf8');
  expect(readlinkSync(link)).toBe(join(folder, 'kubelet-client-2026-11-24-00-00-00.pem'));
  expect(statSync(link).mode & 0o777).toBe(0o600);
  expect(after.slice(after.indexOf('-----BEGIN PRIVATE'))).toBe(
    before.slice(before.indexOf('-----BEGIN PRIVATE')),
  );
  const changed = found('kubelet kubeconfig leaf', link, planned.text);
  expect(seenIn(changed, { cluster: pair })).toBe('new');

  run(switchKubeletLeaf(changed, leaf, 'new → old', '2026-11-24-00-00-01', true));
  expect(readlinkSync(link)).toBe(path);
  expect(readFileSync(link, 'utf8')).toBe(before);
  expect(readdirSync(folder).filter((name) => name.endsWith('.pem'))).toHaveLength(2);
});

test('switchKubeletLeaf leaves alone what the kubelet has renewed since it was read', async () => {
  const { link, leaf } = kubeletFile();
  const here = found('kubelet kubeconfig leaf', link, leaf);
  const planned = await leafFor(
    new AuthorityStore(join(folder, 'state')),
    pair,
    'w1',
    here,
    'new',
    now,
  );
  rmSync(link);
  const renewed = kubeletFile();
  const before = readFileSync(link, 'utf8');
  expect(() => {
    run(switchKubeletLeaf(here, planned.text, 'old → new', '2026-11-24-00-00-00', false));
  }).toThrow('the kubelet has renewed it');
  expect(readlinkSync(link)).toBe(renewed.path);
  expect(readFileSync(link, 'utf8')).toBe(before);
  expect(readdirSync(folder)).toHaveLength(2);
});

const OWN_MOUNTS = ['--map-root-user', '--mount'];
const canMount =
  spawnSync('unshare', [...OWN_MOUNTS, 'mount', '-t', 'tmpfs', 'x', '/mnt']).status === 0;
if (!canMount) process.stdout.write('skipped: a full disk needs user namespaces, or root\n');

test.runIf(canMount)(
  'switchKubeletLeaf says that the disk is full, and leaves all as it was',
  async () => {
    const { path, link, leaf } = kubeletFile();
    const here = found('kubelet kubeconfig leaf', link, leaf);
    const store = new AuthorityStore(join(folder, 'state'));
    const planned = await leafFor(store, pair, 'w1', here, 'new', now);
    const change = switchKubeletLeaf(here, planned.text, 'old → new', '2026-11-24-00-00-00', false);
    // A file system of its own, which goes with its process.
    const script = `cd "$1" && mkdir disk && mount -t tmpfs -o size=16k none disk && cp -P kubelet-* disk
mount --bind disk . && cd "$1" && cat /dev/zero > fill 2>/dev/null
sh -c "$2"; echo "$?"; ls`;
    const { stdout, stderr } = spawnSync(
      'unshare',
      [...OWN_MOUNTS, 'sh', '-c', script, 'sh', folder, textOf(change)],
      { encoding: 'utf8' },
    );
    expect(stderr).toContain('No space left on device');
    expect(stdout).toBe(`1\nfill\n${basename(path)}\n${basename(link)}\n`);
  },
);

test('certificateChange replaces the CA in a kubeconfig and no other byte, and goes back', () => {
  const path = join(folder, 'admin.conf');
  const data = (pem: string) => Buffer.from(pem).toString('base64');
  const text = (pem: string) =>
    `apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ${data(pem)}\n    server: https://x:6443\n  name: k\n# tail\n`;
  writeFileSync(path, text(pair.old.pem));
  chmodSync(path, 0o640);
  const both = trustText(pair, 'both');
  run(certificateChange(found('admin.conf CA', path, pair.old.pem, true), both, ''));
  expect(readFileSync(path, 'utf8')).toBe(text(both));
  expect(statSync(path).mode & 0o777).toBe(0o640);
  run(certificateChange(found('admin.conf CA', path, both, true), pair.old.pem, ''));
  expect(readFileSync(path, 'utf8')).toBe(text(pair.old.pem));
});

test('certificateChange fails and leaves the file where the text to replace is gone', () => {
  const path = join(folder, 'admin.conf');
  writeFileSync(path, 'something else\n');
  const change = certificateChange(
    found('admin.conf CA', path, pair.old.pem, true),
    pair.new.pem,
    '',
  );
  expect(() => {
    run(change);
  }).toThrow(/not in .* any more/);
  expect(readFileSync(path, 'utf8')).toBe('something else\n');
});

test('leafFor shows the cross-certificate to servers that hold both, and gives the same leaf again', async () => {
  const { leaf } = kubeletFile();
  const store = new AuthorityStore(join(folder, 'state'));
  const here = found('kube-apiserver serving leaf', '/x/apiserver.crt', leaf);
  const planned = await leafFor(store, pair, 'cp1', here, 'both', now);
  expect(parseCertificates(planned.text)).toHaveLength(2);
  expect(seenIn({ ...here, pem: planned.text }, { cluster: pair })).toBe('both');
  // A client that shows the chain is no server that holds both.
  const client = found('kubelet kubeconfig leaf', '/x/kubelet.pem', planned.text);
  expect(seenIn(client, { cluster: pair })).toBe('new');
  await store.saveLeaves('cp1', [
    { item: here.item.name, generation: 'old', pem: leaf },
    { item: here.item.name, generation: 'new', pem: planned.leaf },
  ]);
  const again = await leafFor(store, pair, 'cp1', here, 'both', now);
  expect(again.text).toBe(planned.text);
  const back = await leafFor(store, pair, 'cp1', { ...here, pem: planned.text }, 'old', now);
  expect(back.text).toBe(leaf);
  const last = await leafFor(store, pair, 'cp1', { ...here, pem: planned.text }, 'new', now);
  expect(last.text).toBe(planned.leaf);
});
