import { expect, test } from 'vitest';
import { evictablePods, kubectl, kubectlChanged, kubectlChanges, kubectlWords } from './kubectl.js';

const parse = (given: object) => kubectl.input.parse(given);

test.each<[object, string]>([
  [{ apply: { kind: 'ConfigMap' } }, 'apply -f -'],
  [{ apply: 'kind: ConfigMap', server_side: true }, 'apply --server-side -f -'],
  [{ get: 'nodes -l role=worker' }, 'get nodes -l role=worker -o json'],
  [
    { patch: 'deployment/web', with: { spec: { replicas: 2 } }, patch_type: 'merge' },
    'patch deployment/web --type merge -p {"spec":{"replicas":2}}',
  ],
  [{ rollout: 'restart deployment/web' }, 'rollout restart deployment/web'],
  [
    { wait: '--for=condition=Ready pod/web', options: '--timeout=60s' },
    'wait --for=condition=Ready pod/web --timeout=60s',
  ],
  [{ drain: 'w1' }, 'drain w1 --ignore-daemonsets --delete-emptydir-data'],
  [{ uncordon: 'w1' }, 'uncordon w1'],
])('kubectl %j is called with its words', (given, words) => {
  expect(kubectlWords(parse(given)).join(' ')).toBe(words);
});

test.each<[string, object, object, number]>([
  ['applies what differs', { diff: '+ a' }, { apply: 'kind: X' }, 1],
  ['leaves what is as asked', { diff: '' }, { apply: 'kind: X' }, 0],
  ['uncordons', { cordoned: true }, { uncordon: 'w1' }, 1],
  ['leaves an uncordoned node', { cordoned: false }, { uncordon: 'w1' }, 0],
  ['does not wait in a dry run', { isDryRun: true }, { wait: 'pod/x' }, 0],
  ['waits', { isDryRun: false }, { wait: 'pod/x' }, 1],
  ['asks no status in a dry run', { isDryRun: true }, { rollout: 'status deployment/x' }, 0],
  ['restarts in a dry run', { isDryRun: true }, { rollout: 'restart deployment/x' }, 1],
  ['leaves a drained node', { isDryRun: true, cordoned: true, evictable: 0 }, { drain: 'w' }, 0],
  ['drains', { isDryRun: true, cordoned: true, evictable: 1 }, { drain: 'w' }, 1],
  ['drains an open node', { isDryRun: true, cordoned: false, evictable: 0 }, { drain: 'w' }, 1],
  ['reads without a change', { resources: [{}] }, { get: 'nodes' }, 0],
])('kubectl %s', (_name, seen, given, changes) => {
  expect(kubectl.check(seen, parse(given)).changes).toHaveLength(changes);
});

test.each<[object, string, boolean]>([
  [{ patch: 'x/y', with: {} }, 'deployment.apps/y patched (no change)', false],
  [{ patch: 'x/y', with: {} }, 'deployment.apps/y patched', true],
  [{ wait: 'pod/x' }, 'pod/x condition met', false],
  [{ rollout: 'status deployment/x' }, 'successfully rolled out', false],
  [{ rollout: 'restart deployment/x' }, 'deployment.apps/x restarted', true],
])('kubectl %j that prints %s', (given, printed, changed) => {
  expect(kubectlChanged(parse(given), printed)).toBe(changed);
});

test('kubectl takes one verb, and a patch with what it patches', () => {
  expect(kubectl.input.safeParse({ get: 'nodes', drain: 'w1' }).success).toBe(false);
  expect(kubectl.input.safeParse({ patch: 'x/y' }).success).toBe(false);
});

test('kubectlChanges gives each object as it was and as it will be', () => {
  const diff = `diff -N -U 1000000 /tmp/LIVE-1/v1.ConfigMap.ns.a /tmp/MERGED-2/v1.ConfigMap.ns.a
--- /tmp/LIVE-1/v1.ConfigMap.ns.a\t2026-01-01 00:00:00.000000000 +0000
+++ /tmp/MERGED-2/v1.ConfigMap.ns.a\t2026-01-01 00:00:00.000000000 +0000
@@ -1,3 +1,3 @@
 data:
-  a: "1"
+  a: "2"
 kind: ConfigMap
`;
  expect(kubectlChanges(diff)).toEqual([
    {
      summary: 'kubectl apply v1.ConfigMap.ns.a',
      diff: {
        path: 'v1.ConfigMap.ns.a',
        before: 'data:\n  a: "1"\nkind: ConfigMap\n',
        after: 'data:\n  a: "2"\nkind: ConfigMap\n',
      },
    },
  ]);
});

test('evictablePods leaves out pods of daemon sets and static ones', () => {
  const items = [
    { metadata: { ownerReferences: [{ kind: 'DaemonSet', controller: true }] } },
    { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } },
    { metadata: { ownerReferences: [{ kind: 'ReplicaSet', controller: true }] } },
    { metadata: {} },
  ];
  expect(evictablePods(JSON.stringify({ items }))).toBe(2);
});
