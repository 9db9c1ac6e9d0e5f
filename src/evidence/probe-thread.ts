import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { asCaravanError } from '../values/error.js';
import { ProbeSet } from './probe.js';
import type { Expectation, Probe } from './probe-model.js';
import {
  fromWire,
  type WireExpectations,
  type WorkerAnswer,
  type WorkerRequest,
} from './probe-wire.js';

/** The worker's side of `startProbeWorker`: a ProbeSet that does what messages say. */
const set = new ProbeSet([], {
  clock: {
    now: () => new Date(),
    sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }),
  },
});
const ids = new Map<Probe, number>();
const expectations = new Map<number, Expectation>();
const expectationOf = (probe: Probe): Expectation =>
  expectations.get(ids.get(probe) ?? -1) ?? 'either';

function note(pairs: WireExpectations): void {
  for (const [id, expectation] of pairs) expectations.set(id, expectation);
}

async function act(request: WorkerRequest): Promise<void> {
  switch (request.type) {
    case 'start':
      set.start();
      return;
    case 'stop':
      await set.stop();
      return;
    case 'summary':
      return;
    case 'expect':
      note(request.expectations);
      set.expect(request.phase, expectationOf);
      return;
    case 'add': {
      note(request.expectations);
      const probes = request.probes.map((wire) => {
        const probe = fromWire(wire);
        ids.set(probe, wire.id);
        return probe;
      });
      set.add(probes);
      return;
    }
    case 'remove': {
      const gone = new Set(request.ids);
      set.remove((probe) => gone.has(ids.get(probe) ?? -1));
      for (const [probe, id] of ids) if (gone.has(id)) ids.delete(probe);
    }
  }
}

async function answer(request: WorkerRequest): Promise<WorkerAnswer> {
  const { seq } = request;
  try {
    await act(request);
    const wanted = request.type === 'summary' || request.type === 'stop';
    return wanted ? { seq, summary: set.summary() } : { seq };
  } catch (thrown) {
    const { kind, message } = asCaravanError(thrown);
    return { seq, error: { kind: kind === 'input' ? 'input' : 'bug', message } };
  }
}

parentPort?.on('message', (request: WorkerRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});
