import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAuthority } from '../pki/authority.js';
import { CATALOGUE } from '../pki/catalogue.js';
import { newSerial } from '../pki/serial.js';
import type { HostSurvey } from './host-survey.js';
import { validity } from './leaves.js';
import type { FoundItem } from './locations.js';
import { unsupported } from './unsupported.js';

const PKI = '/etc/kubernetes/pki';

function manifest(component: string, flags: readonly string[]): string {
  const lines = flags.map((flag) => `    - --${flag}\n`).join('');
  return `metadata:\n  name: ${component}\nspec:\n  containers:\n  - name: ${component}\n    command:\n    - ${component}\n${lines}`;
}

function found(name: string, path: string): FoundItem {
  return { item: CATALOGUE.find((one) => one.name === name)!, path, embedded: false, pem: 'PEM' };
}

/** A control plane as kubeadm makes it, with other or further flags. */
function survey(
  {
    apiServer = [],
    manager = [],
    items = [],
  }: Partial<Record<'apiServer' | 'manager', string[]>> & {
    items?: FoundItem[];
  },
  keysIn: readonly string[] = [],
): HostSurvey {
  const file = (path: string) => ({
    ...{ path, text: '', changedAt: 0, mode: 0o600, owner: 'root:root', hasKey: true },
  });
  return {
    ...{ host: 'cp1', now: 0, startedAt: {}, kubeletKubeconfig: '' },
    files: Object.fromEntries(keysIn.map((path) => [path, file(path)])),
    manifests: {
      'kube-apiserver': manifest('kube-apiserver', [
        `client-ca-file=${PKI}/ca.crt`,
        `etcd-cafile=${PKI}/etcd/ca.crt`,
        ...apiServer,
      ]),
      'kube-controller-manager': manifest('kube-controller-manager', [
        `client-ca-file=${PKI}/ca.crt`,
        `cluster-signing-cert-file=${PKI}/ca.crt`,
        `cluster-signing-key-file=${PKI}/ca.key`,
        ...manager,
      ]),
    },
    items: [
      found('kube-apiserver client CA', `${PKI}/ca.crt`),
      found('kube-apiserver front-proxy CA', `${PKI}/front-proxy-ca.crt`),
      ...items,
    ],
  };
}

test('nothing of what kubeadm makes is refused, split or not', () => {
  const leaf = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  expect(unsupported(survey({ items: [found('kubelet kubeconfig leaf', leaf)] }, [leaf]))).toEqual(
    [],
  );
  const split = ['signer.crt', 'signer.key', 'client-ca.crt'].map(
    (file) => `${PKI}/rotation/${file}`,
  );
  const manager = [
    `cluster-signing-cert-file=${split[0]}`,
    `cluster-signing-key-file=${split[1]}`,
    `client-ca-file=${split[2]}`,
  ];
  expect(unsupported(survey({ manager }))).toEqual([]);
  const external = ['cluster-signing-cert-file=', 'cluster-signing-key-file='];
  expect(unsupported(survey({ manager: external }))).toEqual([]);
});

test.each<[string, Parameters<typeof survey>, RegExp]>([
  [
    'a leaf with its key in one file',
    [{ items: [found('kube-apiserver serving leaf', '/pki/both.pem')] }, ['/pki/both.pem']],
    /serving leaf \(\/pki\/both.pem\) has its private key/,
  ],
  [
    'one CA for cluster and front-proxy',
    [{ items: [found('kube-apiserver front-proxy CA', `${PKI}/ca.crt`)] }],
    /CA of the cluster and of the front-proxy/,
  ],
  ['etcd with the CA of the cluster', [{ apiServer: [`etcd-cafile=${PKI}/ca.crt`] }], /etcd has/],
  [
    'a signer of its own',
    [{ manager: [`cluster-signing-kubelet-client-cert-file=${PKI}/ca.crt`] }],
    /signer of its own/,
  ],
  ['another signer', [{ manager: ['cluster-signing-cert-file=/pki/csr.crt'] }], /signs with/],
  [
    'another client CA than the signer',
    [{ manager: [`client-ca-file=${PKI}/client-bundle.crt`] }],
    /another --client-ca-file/,
  ],
])('%s is named', (_what, given, message) => {
  expect(unsupported(survey(...given))).toContainEqual(expect.stringMatching(message));
});

test.each<[string, string, string, RegExp]>([
  [
    'in one line for a shell',
    'kube-controller-manager',
    manifest('kube-controller-manager', []).replace(
      /command:[^]*/,
      `command: [/bin/sh, -c, "exec kube-controller-manager --root-ca-file=${PKI}/ca.crt --cluster-signing-cert-file=${PKI}/ca.crt 2>&1"]\n`,
    ),
    /kube-controller-manager.yaml has --root-ca-file, --cluster-signing-cert-file within a longer text/,
  ],
  [
    'with metadata in one line',
    'kube-scheduler',
    manifest('kube-scheduler', []).replace(
      'metadata:\n  name: kube-scheduler',
      'metadata: { name: kube-scheduler }',
    ),
    /kube-scheduler.yaml cannot be edited: .*metadata in flow style/,
  ],
  [
    'with a command in one line that a flag must go into',
    'kube-controller-manager',
    manifest('kube-controller-manager', []).replace(
      /command:[^]*/,
      `command: [kube-controller-manager, --cluster-signing-cert-file=${PKI}/ca.crt, --cluster-signing-key-file=${PKI}/ca.key]\n`,
    ),
    /kube-controller-manager.yaml cannot be edited: .*flow style/,
  ],
])('a manifest %s is named', (_how, component, text, message) => {
  const { manifests, ...rest } = survey({});
  expect(unsupported({ ...rest, manifests: { ...manifests, [component]: text } })).toContainEqual(
    expect.stringMatching(message),
  );
});

test('a flag in a comment of a manifest is no flag', () => {
  const { manifests, ...rest } = survey({});
  const text = `# was: --root-ca-file=/old.crt\n${manifests['kube-controller-manager']!}`;
  expect(
    unsupported({ ...rest, manifests: { ...manifests, 'kube-controller-manager': text } }),
  ).toEqual([]);
});

test('a component that runs from elsewhere than its manifest is named', () => {
  const running = { ...survey({}), startedAt: { 'kube-scheduler': 1 } };
  expect(unsupported(running)).toEqual([
    'cp1: kube-scheduler runs, but not from /etc/kubernetes/manifests/kube-scheduler.yaml',
  ]);
  // The control plane of another cluster, in pods of a worker.
  expect(unsupported({ ...running, manifests: {}, items: [] })).toEqual([]);
});

test('a CA that has expired is named', () => {
  const at = new Date('2026-01-01T00:00:00Z');
  const { certificate } = createAuthority({
    ...{ commonName: 'kubernetes', keyAlgorithm: 'ecdsa-p256', serial: newSerial(randomBytes) },
    ...validity(at, 10),
  });
  const items = [{ ...found('kube-apiserver client CA', `${PKI}/ca.crt`), pem: certificate.pem }];
  const seen = (now: Date) => unsupported({ ...survey({}), items, now: now.getTime() / 1000 });
  expect(seen(at)).toEqual([]);
  expect(seen(new Date('2026-02-01T00:00:00Z'))).toEqual([
    `cp1: the CA in ${PKI}/ca.crt has expired, on 2026-01-11`,
  ]);
});
