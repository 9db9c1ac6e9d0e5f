import type { RunEvent } from '../engine/events.js';
import type { ProbeWorker } from '../evidence/probe-worker.js';
import type { Matrix } from '../rotation/matrix.js';
import type { TrustState } from '../rotation/states.js';
import type { Position } from '../rotation/walk.js';
import { expectedAt, expectedIn, type Population } from './clients.js';

/** One step of a walk, as it was seen. */
export interface WalkStep {
  readonly state: TrustState;
  readonly seconds: number;
  readonly matrixBefore: Matrix;
  readonly matrixAfter: Matrix;
}

/** What each survey of the fleet says, as `rotation_survey` registers it. */
interface SurveyResult {
  readonly position: Position;
  readonly walk: readonly TrustState[];
  readonly matrix: Matrix;
}

/**
 * Follows a rotation by the surveys in its events: tells the probes what must hold from now on,
 * and keeps each step's time and matrices.
 */
export class WalkWatch {
  readonly steps: WalkStep[] = [];
  readonly leftovers = new Set<string>();
  readonly tlsErrors: string[] = [];
  #last: { at: number; matrix: Matrix } | undefined;

  constructor(
    readonly probes: Pick<ProbeWorker, 'expect'>,
    readonly populations: readonly Population[],
    readonly name: string,
  ) {}

  /** Feed every event of the run here. */
  readonly sink = (event: RunEvent): void => {
    if (event.type === 'record' && event.name === 'leftovers') {
      for (const found of event.data as readonly string[]) this.leftovers.add(found);
    }
    if (event.type === 'record' && event.name === 'tls errors') {
      this.tlsErrors.push(...(event.data as readonly string[]));
    }
    if (event.type !== 'host-result' || event.status === 'failed' || !event.result) return;
    if (!('position' in event.result && 'matrix' in event.result)) return;
    this.#surveyed(event.result as unknown as SurveyResult, Date.parse(event.at));
  };

  #surveyed({ position, walk, matrix }: SurveyResult, at: number): void {
    const here = position.kind === 'at' ? position.state : undefined;
    if (this.#last && here) {
      const seconds = (at - this.#last.at) / 1000;
      this.steps.push({
        state: here,
        seconds,
        matrixBefore: this.#last.matrix,
        matrixAfter: matrix,
      });
    }
    this.#last = { at, matrix };
    this.#expect(position, walk[0]);
  }

  #expect(position: Position, next: TrustState | undefined): void {
    if (position.kind === 'scattered') return;
    const from = position.kind === 'at' ? position.state : position.from;
    const of = (client: string): Population | undefined =>
      this.populations.find((population) => population.client.name === client);
    const phase = `${this.name}: ${next ? `${from} → ${next}` : `at ${from}`}`;
    // In order with all other messages to the thread; one that has ended says so when it is stopped.
    void this.probes
      .expect(phase, ({ client }) => {
        const population = of(client.name);
        if (!population) return 'either';
        return next ? expectedIn(population, { from, to: next }) : expectedAt(population, from);
      })
      .catch(() => undefined);
  }
}
