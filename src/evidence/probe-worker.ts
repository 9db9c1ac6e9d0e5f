import { Worker } from 'node:worker_threads';
import { CaravanError } from '../values/error.js';
import type { Expectation, Probe, ProbeSummary } from './probe-model.js';
import {
  toWire,
  type WireExpectations,
  type WorkerAnswer,
  type WorkerRequest,
} from './probe-wire.js';

type Unnumbered<R> = R extends WorkerRequest ? Omit<R, 'seq'> : never;

interface Waiting {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Where {@link startProbeWorker} finds the compiled worker; given by tests that run sources. */
export interface ProbeWorkerOptions {
  readonly script?: URL;
}

/**
 * A ProbeSet in a thread of its own, so that a busy main loop does not distort what it measures.
 * Every method resolves when the thread has done it: await `expect` before doing what changes the
 * answers. Probes are told apart by identity, as in `ProbeSet`.
 */
export class ProbeWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ids = new Map<Probe, number>();
  #expectationOf: (probe: Probe) => Expectation = () => 'either';
  #nextId = 0;
  #seq = 0;
  #last: ProbeSummary | undefined;
  #gone: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: WorkerAnswer) => {
      const waiting = this.#waiting.get(answer.seq);
      this.#waiting.delete(answer.seq);
      const { error } = answer;
      if (error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new CaravanError(error.kind, error.message));
    });
    worker.on('error', (cause) => {
      this.#end(new CaravanError('bug', 'the probe thread failed', { cause }));
    });
    worker.on('exit', () => {
      this.#end(new CaravanError('bug', 'the probe thread has ended'));
    });
  }

  /** Begins to send. */
  async start(): Promise<void> {
    await this.#ask({ type: 'start' });
  }

  /** As `ProbeSet.expect`; `expectation` is asked here, once for each probe. */
  async expect(phase: string, expectation: (probe: Probe) => Expectation): Promise<void> {
    this.#expectationOf = expectation;
    const expectations = this.#expectations([...this.#ids.keys()]);
    await this.#ask({ type: 'expect', phase, expectations });
  }

  /** As `ProbeSet.add`. Rejects with `input` when a PEM cannot be read. */
  async add(probes: readonly Probe[]): Promise<void> {
    for (const probe of probes) this.#ids.set(probe, (this.#nextId += 1));
    const wire = probes.map((probe) => toWire(this.#ids.get(probe) ?? -1, probe));
    try {
      await this.#ask({ type: 'add', probes: wire, expectations: this.#expectations(probes) });
    } catch (error) {
      for (const probe of probes) this.#ids.delete(probe);
      throw error;
    }
  }

  /** As `ProbeSet.remove`. */
  async remove(predicate: (probe: Probe) => boolean): Promise<void> {
    const gone = [...this.#ids].filter(([probe]) => predicate(probe));
    for (const [probe] of gone) this.#ids.delete(probe);
    await this.#ask({ type: 'remove', ids: gone.map(([, id]) => id) });
  }

  /** What was seen so far; after `stop`, what was seen in all. */
  async summary(): Promise<ProbeSummary> {
    return this.#last ?? (await this.#summary('summary'));
  }

  /** Sends no more, waits for what is in flight, and ends the thread. */
  async stop(): Promise<void> {
    if (this.#last !== undefined) return;
    this.#last = await this.#summary('stop');
    await this.#worker.terminate();
  }

  async #summary(type: 'summary' | 'stop'): Promise<ProbeSummary> {
    const { summary } = await this.#ask({ type });
    if (summary === undefined) throw new CaravanError('bug', 'the probe thread gave no summary');
    return summary;
  }

  #expectations(probes: readonly Probe[]): WireExpectations {
    return probes.map((probe) => [this.#ids.get(probe) ?? -1, this.#expectationOf(probe)]);
  }

  #ask(request: Unnumbered<WorkerRequest>): Promise<WorkerAnswer> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    this.#seq += 1;
    const seq = this.#seq;
    return new Promise((resolve, reject) => {
      this.#waiting.set(seq, { resolve, reject });
      this.#worker.postMessage({ ...request, seq });
    });
  }

  #end(error: Error): void {
    this.#gone ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/**
 * Starts a thread that probes; the caller stops it. Throws `input` when a PEM cannot be read.
 * It runs the compiled sibling of this file, so it works from `dist`.
 */
export async function startProbeWorker(
  probes: readonly Probe[],
  options: ProbeWorkerOptions = {},
): Promise<ProbeWorker> {
  // As it lies beside the program in dist/cli/.
  const script = options.script ?? new URL('../evidence/probe-thread.cjs', import.meta.url);
  const worker = new ProbeWorker(new Worker(script));
  try {
    await worker.add(probes);
  } catch (error) {
    await worker.stop();
    throw error;
  }
  return worker;
}
