import { expect, test } from 'vitest';
import { countRestarts, mostRestarts, type InstanceObservation } from './restarts.js';

function seen(
  host: string,
  identity: string | number,
  startedAt: string,
  component = 'kubelet',
): InstanceObservation {
  return { at: '2026-01-01T00:00:00Z', component, host, identity, startedAt };
}

test('countRestarts counts starts after the first, in any order and with repeats', () => {
  const counts = countRestarts([
    seen('w1', 30, '12:02'),
    seen('w1', 10, '12:00'),
    seen('w1', 10, '12:00'),
    seen('w1', 20, '12:01'),
    seen('w2', 10, '12:00'),
    seen('cp1', 'abc', '12:00', 'etcd'),
  ]);
  expect(counts).toEqual({ kubelet: { w1: 2, w2: 0 }, etcd: { cp1: 0 } });
  expect(mostRestarts(counts)).toEqual({ kubelet: 2, etcd: 0 });
});

test('countRestarts counts a process id that is used again', () => {
  const counts = countRestarts([seen('w1', 10, '12:00'), seen('w1', 10, '12:01')]);
  expect(counts).toEqual({ kubelet: { w1: 1 } });
});
