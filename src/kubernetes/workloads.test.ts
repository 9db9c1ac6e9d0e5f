import { expect, test } from 'vitest';
import { obstacleOf, toWorkload } from './workloads.js';

type Raw = Parameters<typeof toWorkload>[0];

const SETTLED = {
  ...{ observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1 },
  ...{ availableReplicas: 1, updateRevision: 'a', currentRevision: 'a' },
  ...{ desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1 },
};
const BUDGET = {
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { disruptionsAllowed: 0 },
};

function workload(kind: string, spec: object, status: object = {}): Raw {
  return {
    kind,
    metadata: { name: 'web', namespace: 'default', generation: 1 },
    spec: { template: { metadata: { labels: { app: 'web' } }, spec: {} }, ...spec },
    status: { ...SETTLED, ...status },
  };
}

test.each<[string, Raw, boolean, string | undefined]>([
  ['one that is settled', workload('Deployment', {}), false, undefined],
  ['one that is paused', workload('Deployment', { paused: true }), false, 'it is paused'],
  ['none of its pods', workload('Deployment', { paused: true, replicas: 0 }), true, undefined],
  [
    'one replaced by hand',
    workload('DaemonSet', { updateStrategy: { type: 'OnDelete' } }),
    false,
    'its update strategy is OnDelete',
  ],
  [
    'one that no node wants',
    workload('DaemonSet', { updateStrategy: { type: 'OnDelete' } }, { desiredNumberScheduled: 0 }),
    true,
    undefined,
  ],
  [
    'one rolled out in part',
    workload('StatefulSet', { updateStrategy: { rollingUpdate: { partition: 2 } } }),
    false,
    'its update strategy has partition 2',
  ],
  [
    'one under a budget',
    workload('Deployment', {}),
    true,
    'PodDisruptionBudget web allows no disruption',
  ],
  [
    'one that is not ready',
    workload('Deployment', {}, { availableReplicas: 0 }),
    false,
    'its pods are not all ready with its present template',
  ],
])('obstacleOf tells what a rollout waits for: %s', (_what, raw, isUnderBudget, obstacle) => {
  expect(obstacleOf(toWorkload(raw, isUnderBudget ? [BUDGET] : []))).toBe(obstacle);
});

test.each<[boolean, string, object | undefined]>([
  [true, 'what it names', { matchLabels: { app: 'web' } }],
  [false, 'all of what it names', { matchLabels: { app: 'web', tier: 'front' } }],
  [true, 'every pod where it is empty', {}],
  [false, 'no pod where there is none', undefined],
  [true, 'In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['api', 'web'] }] }],
  [false, 'In others', { matchExpressions: [{ key: 'app', operator: 'In', values: ['api'] }] }],
  [false, 'NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }],
  [true, 'NotIn others', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['x'] }] }],
  [true, 'NotIn none', { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['x'] }] }],
  [true, 'Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }],
  [false, 'Exists not', { matchExpressions: [{ key: 'x', operator: 'Exists' }] }],
  [false, 'DoesNotExist', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }],
  [
    false,
    'both forms',
    {
      matchLabels: { app: 'web' },
      matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }],
    },
  ],
])('toWorkload finds a budget that covers (%s) its pods: %s', (covers, _how, selector) => {
  const budget = { ...BUDGET, spec: selector === undefined ? {} : { selector } };
  const { budgets } = toWorkload(workload('Deployment', {}), [budget]);
  expect(budgets).toHaveLength(covers ? 1 : 0);
});
