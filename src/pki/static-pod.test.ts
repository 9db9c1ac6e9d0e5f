import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readFlags, setAnnotation, setFlags } from './static-pod.js';

const MANIFEST = `apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 10.0.0.1:6443
  creationTimestamp: null
  labels:
    component: kube-apiserver
    tier: control-plane
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - name: sidecar
    command: [sleep, "--for=ever"]
  - command:
    - kube-apiserver
    - --advertise-address=10.0.0.1   # mine
    - "--client-ca-file=/etc/kubernetes/pki/ca.crt"
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --v
    - "2"
    - --allow-privileged
    - --etcd-servers=https://127.0.0.1:2379
    # the last word
    image: registry.k8s.io/kube-apiserver:v1.36.3
    name: kube-apiserver
  hostNetwork: true
status: {}
`;

/** Shapes of one manifest that people have: other indentation, line ends, no newline at the end. */
const SHAPES: Record<string, string> = {
  kubeadm: MANIFEST,
  crlf: MANIFEST.replaceAll('\n', '\r\n'),
  'no annotations': MANIFEST.replace(/ {2}annotations:\n.*\n/, ''),
  'empty annotations': MANIFEST.replace(/(annotations:)\n.*\n/, '$1 {}\n'),
  'null annotations': MANIFEST.replace(/(annotations:)\n.*\n/, '$1 # none\n'),
  'flow annotations': MANIFEST.replace(/(annotations:)\n.*\n/, '$1 {a: b, "c": d,}\n'),
  'args at the end': `metadata:\n    name: x\nspec:\n    containers:\n        - name: x\n          command: [kube-x]\n          args:\n              - --a=b\n              - --c`,
};

test('readFlags reads command and arguments in each form', () => {
  const { component, flags, all } = readFlags(MANIFEST);
  expect(component).toBe('kube-apiserver');
  expect(Object.fromEntries(flags)).toEqual({
    'advertise-address': '10.0.0.1',
    'client-ca-file': '/etc/kubernetes/pki/ca.crt',
    'service-account-key-file': '/etc/kubernetes/pki/sa.pub',
    v: '2',
    'allow-privileged': 'true',
    'etcd-servers': 'https://127.0.0.1:2379',
  });
  expect(all.get('v')).toEqual(['2']);
  expect(Object.fromEntries(readFlags(SHAPES['args at the end']!).flags)).toEqual({
    a: 'b',
    c: 'true',
  });
});

test('setFlags changes exactly the lines meant', () => {
  const edited = setFlags(MANIFEST, {
    'client-ca-file': '/etc/kubernetes/pki/bundle.crt',
    'advertise-address': '10.0.0.2',
    v: '4',
    'allow-privileged': undefined,
    'service-account-key-file': ['/etc/kubernetes/pki/sa.pub', '/etc/kubernetes/pki/new: sa.pub'],
  });
  const expected = MANIFEST.replace('pki/ca.crt', 'pki/bundle.crt')
    .replace('10.0.0.1   # mine', '10.0.0.2   # mine')
    .replace('- "2"', '- "4"')
    .replace('    - --allow-privileged\n', '')
    .replace(
      ':2379\n',
      ':2379\n    - "--service-account-key-file=/etc/kubernetes/pki/new: sa.pub"\n',
    );
  expect(edited).toBe(expected);
});

test('setFlags changes nothing when all is as asked', () => {
  expect(setFlags(MANIFEST, { v: '2', 'allow-privileged': 'true', absent: undefined })).toBe(
    MANIFEST,
  );
});

test('readFlags knows a flag that is written with underscores, and setFlags does not add another', () => {
  const manifest = MANIFEST.replace('--advertise-address', '--advertise_address');
  expect(readFlags(manifest).flags.get('advertise-address')).toBe('10.0.0.1');
  expect(setFlags(manifest, { 'advertise-address': '10.0.0.1' })).toBe(manifest);
  expect(setFlags(manifest, { 'advertise-address': '10.0.0.2' })).toBe(
    MANIFEST.replace('10.0.0.1   #', '10.0.0.2   #'),
  );
});

test('readFlags refuses flags that stand elsewhere under an anchor', () => {
  const item = MANIFEST.replace('- --v\n', '- *v\n').replace('kind: Pod', 'kind: Pod\nv: &v --v');
  expect(() => readFlags(item)).toThrow('uses the YAML alias *v');
  const list = 'x: &all [k, --a=b]\nspec:\n  containers:\n  - name: k\n    command: *all\n';
  expect(() => readFlags(list)).toThrow('uses the YAML alias *all');
});

test('setFlags refuses what it cannot edit by lines', () => {
  const flow = 'spec:\n  containers:\n  - name: x\n    command: [x, --a=b]\n';
  expect(setFlags(flow, { a: 'c' })).toBe(flow.replace('--a=b', '--a=c'));
  expect(() => setFlags(flow, { b: 'c' })).toThrow('flow style');
  expect(() => setFlags(flow, { a: undefined })).toThrow('flow style');
  expect(() => setFlags('spec: {}', { a: 'b' })).toThrow('no container');
  expect(() => setFlags(MANIFEST, { '--a': 'b' })).toThrow('not a flag');
  expect(() => setFlags('a: [', { a: 'b' })).toThrow('not YAML at line 2');
});

const RUNS = { numRuns: 30 };

const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/).map((text) => `x-${text}`);
const value = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', 'true', '1e3', 'a: b', '- a', '2024-01-01', '\u2028', 'a #b', '/etc/a.crt'),
);

test.each(Object.entries(SHAPES))('setFlags takes back what it added to %s', (_shape, manifest) => {
  fc.assert(
    fc.property(fc.dictionary(name, fc.oneof(value, fc.array(value)), { maxKeys: 5 }), (added) => {
      const edited = setFlags(manifest, added);
      for (const [flag, wanted] of Object.entries(added)) {
        expect(readFlags(edited).all.get(flag) ?? []).toEqual([wanted].flat());
      }
      const none = Object.fromEntries(Object.keys(added).map((flag) => [flag, undefined]));
      expect(setFlags(edited, none)).toBe(manifest);
    }),
  );
});

test.each(Object.entries(SHAPES))(
  'setAnnotation takes back what it added to %s',
  (_shape, manifest) => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 3 }), value, value, (keys, first, second) => {
        let edited = manifest;
        for (const key of keys) edited = setAnnotation(edited, key, first);
        for (const key of keys) edited = setAnnotation(edited, key, second);
        const { annotations } = (parse(edited) as { metadata: { annotations?: object } }).metadata;
        expect(annotations ?? {}).toMatchObject(
          Object.fromEntries(keys.map((key) => [key, second])),
        );
        for (const key of keys) edited = setAnnotation(edited, key, undefined);
        expect(edited).toBe(manifest);
      }),
      RUNS,
    );
  },
);

test('setAnnotation writes and removes whole lines', () => {
  const bare = SHAPES['no annotations']!;
  const with1 = setAnnotation(bare, 'caravan/ca', 'abc');
  expect(with1).toBe(
    bare.replace('metadata:\n', 'metadata:\n  annotations:\n    caravan/ca: "abc"\n'),
  );
  expect(setAnnotation(with1, 'caravan/ca', undefined)).toBe(bare);
  const only = 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint';
  expect(setAnnotation(MANIFEST, only, undefined)).toBe(bare);
  expect(setAnnotation(MANIFEST, 'absent', undefined)).toBe(MANIFEST);
  expect(() => setAnnotation('kind: Pod\n', 'a', 'b')).toThrow('no metadata');
});
