import type { Clock } from '../values/clock.js';
import { connectOnce } from './probe-call.js';
import { secureContextOf } from './probe-dial.js';
import type { Expectation, Probe, ProbeOutcome, ProbeSummary } from './probe-model.js';
import { ProbeTally } from './probe-tally.js';

export { connectOnce } from './probe-call.js';
export { servedChain } from './probe-dial.js';
export type * from './probe-model.js';

/** What a {@link ProbeSet} needs from outside. */
export interface ProbeSetOptions {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** For a probe that has none of its own, from connecting to its end; 5000 unless given. */
  readonly deadlineMs?: number;
}

interface Entry {
  readonly probe: Probe;
  expectation: Expectation;
  /** Next sending, in milliseconds since the epoch. */
  due: number;
}

interface Flight {
  readonly entry: Entry;
  readonly phase: string;
  expected: Expectation;
}

/**
 * Sends probes continuously, each on its own interval and on fresh connections, whatever happened
 * to the one before. The probes of one target are spread evenly over their interval, so that ten
 * probes every second are one every 100 ms.
 *
 * Until the first {@link ProbeSet.expect}, outcomes are measured and not judged.
 */
export class ProbeSet {
  readonly #clock: Pick<Clock, 'now' | 'sleep'>;
  readonly #deadlineMs: number;
  readonly #tally = new ProbeTally();
  readonly #flights = new Set<Flight>();
  #entries: Entry[] = [];
  #running: { readonly stop: AbortController; readonly loop: Promise<void> } | undefined;
  #wake = new AbortController();
  #phase = 'before';
  #expectationOf: (probe: Probe) => Expectation = () => 'either';

  /** Throws `input` when a PEM of a probe cannot be read. */
  constructor(probes: readonly Probe[], options: ProbeSetOptions) {
    this.#clock = options.clock;
    this.#deadlineMs = options.deadlineMs ?? 5000;
    this.add(probes);
  }

  /** Begins to send. Nothing happens when it already has. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#tally.start(this.#clock.now());
    this.#spread(() => true);
    const stop = new AbortController();
    this.#running = { stop, loop: this.#run(stop.signal) };
  }

  /**
   * From now on, outcomes are counted to `phase` and judged by `expectation`, which is asked once
   * for each probe. A probe that is in flight while its expectation changes is not judged.
   */
  expect(phase: string, expectation: (probe: Probe) => Expectation): void {
    this.#phase = phase;
    this.#expectationOf = expectation;
    this.#tally.phase(phase, this.#clock.now());
    for (const entry of this.#entries) entry.expectation = expectation(entry.probe);
    for (const flight of this.#flights) {
      if (flight.expected !== flight.entry.expectation) flight.expected = 'either';
    }
  }

  /** Adds probes, under the present phase. Throws `input` when a PEM cannot be read. */
  add(probes: readonly Probe[]): void {
    for (const probe of probes) secureContextOf(probe.client);
    const added = probes.map((probe) => ({
      probe,
      expectation: this.#expectationOf(probe),
      due: 0,
    }));
    this.#entries.push(...added);
    this.#respread(added);
  }

  /** Sends these no more; those in flight are counted and not judged. */
  remove(predicate: (probe: Probe) => boolean): void {
    const gone = this.#entries.filter((entry) => predicate(entry.probe));
    this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
    for (const flight of this.#flights) {
      if (gone.includes(flight.entry)) flight.expected = 'either';
    }
    this.#respread(gone);
  }

  /** Sends no more, and resolves when everything in flight has ended. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    this.#running.stop.abort();
    this.#wake.abort();
    await this.#running.loop;
    this.#running = undefined;
    this.#tally.end(this.#clock.now());
  }

  /** What was seen so far. */
  summary(): ProbeSummary {
    return this.#tally.summary();
  }

  #respread(changed: readonly Entry[]): void {
    const targets = new Set(changed.map((entry) => entry.probe.target.name));
    this.#spread((entry) => targets.has(entry.probe.target.name));
    this.#wake.abort();
  }

  #spread(which: (entry: Entry) => boolean): void {
    const now = this.#clock.now().getTime();
    const byTarget = new Map<string, Entry[]>();
    for (const entry of this.#entries.filter(which)) {
      const { name } = entry.probe.target;
      byTarget.set(name, [...(byTarget.get(name) ?? []), entry]);
    }
    for (const entries of byTarget.values()) {
      entries.forEach((entry, i) => {
        entry.due = now + (i * entry.probe.intervalMs) / entries.length;
      });
    }
  }

  async #run(stopped: AbortSignal): Promise<void> {
    const sent = new Set<Promise<void>>();
    while (!stopped.aborted) {
      const next = this.#next();
      const now = this.#clock.now().getTime();
      if (next === undefined || next.due > now) {
        await this.#sleep(next === undefined ? 1000 : next.due - now);
        continue;
      }
      const missed = Math.floor((now - next.due) / next.probe.intervalMs);
      this.#tally.missed(missed);
      next.due += (missed + 1) * next.probe.intervalMs;
      const sending = this.#send(next).finally(() => sent.delete(sending));
      sent.add(sending);
    }
    await Promise.all(sent);
  }

  #next(): Entry | undefined {
    const now = this.#clock.now().getTime();
    let next: Entry | undefined;
    for (const entry of this.#entries) {
      // A clock that was set back must not silence a probe.
      entry.due = Math.min(entry.due, now + entry.probe.intervalMs);
      if (next === undefined || entry.due < next.due) next = entry;
    }
    return next;
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    await this.#clock.sleep(ms, this.#wake.signal).catch(() => undefined);
  }

  async #send(entry: Entry): Promise<void> {
    const { target, client, call, deadlineMs = this.#deadlineMs } = entry.probe;
    const flight = { entry, phase: this.#phase, expected: entry.expectation };
    const sentAt = this.#clock.now();
    this.#flights.add(flight);
    const outcome = await connectOnce(target, client, call, deadlineMs).catch(
      (error: unknown): ProbeOutcome => ({ kind: 'error', reason: String(error), ms: 0 }),
    );
    this.#flights.delete(flight);
    const { phase, expected } = flight;
    this.#tally.add({ probe: entry.probe, phase, expected, sentAt, outcome });
  }
}
