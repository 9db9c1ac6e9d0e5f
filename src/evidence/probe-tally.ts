import type {
  Expectation,
  OutcomeKind,
  PhaseSpan,
  Probe,
  ProbeOutcome,
  ProbeSummary,
  ProbeTimeline,
  Tally,
  TimelineCell,
  Violation,
} from './probe-model.js';

/** One finished probe, with what was expected of it when it ended. */
export interface Sample {
  readonly probe: Probe;
  readonly phase: string;
  readonly expected: Expectation;
  readonly sentAt: Date;
  readonly outcome: ProbeOutcome;
}

type Counts = { -readonly [K in keyof Tally]: Tally[K] };
type Cell = { -readonly [K in keyof TimelineCell]: TimelineCell[K] };

const VIOLATIONS_KEPT = 50;
const REASONS_KEPT = 100;
const BUCKETS_KEPT = 7200;

const GROUPS = ['byKind', 'byTarget', 'byClient', 'byCall', 'byPhase'] as const;

/** Whether an outcome violates an expectation. */
export function violates(expected: Expectation, outcome: OutcomeKind): boolean {
  if (expected === 'pass') return outcome !== 'pass';
  return expected === 'refuse' && outcome === 'pass';
}

function column(outcome: OutcomeKind): 'passed' | 'refused' | 'errors' {
  if (outcome === 'pass') return 'passed';
  return outcome === 'error' ? 'errors' : 'refused';
}

function emptyCounts(): Counts {
  return { total: 0, passed: 0, refused: 0, errors: 0, failed: 0, slowestMs: 0 };
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Answers over time; when a run outgrows its buckets, pairs of them are joined. */
class Timeline {
  #bucketSeconds = 1;
  #buckets = new Map<number, Map<string, Cell>>();

  add(at: Date, target: string, outcome: OutcomeKind, failed: boolean): void {
    const second = Math.floor(at.getTime() / 1000);
    const cell = this.#cell(this.#buckets, second, target);
    cell[column(outcome)] += 1;
    if (failed) cell.failed += 1;
    if (this.#buckets.size > BUCKETS_KEPT) this.#coarsen();
  }

  #cell(buckets: Map<number, Map<string, Cell>>, second: number, target: string): Cell {
    const start = second - (second % this.#bucketSeconds);
    const bucket = buckets.get(start) ?? new Map<string, Cell>();
    buckets.set(start, bucket);
    return getOrAdd(bucket, target, () => ({ passed: 0, refused: 0, errors: 0, failed: 0 }));
  }

  #coarsen(): void {
    this.#bucketSeconds *= 2;
    const joined = new Map<number, Map<string, Cell>>();
    for (const [second, bucket] of this.#buckets) {
      for (const [target, from] of bucket) {
        const into = this.#cell(joined, second, target);
        for (const key of ['passed', 'refused', 'errors', 'failed'] as const) {
          into[key] += from[key];
        }
      }
    }
    this.#buckets = joined;
  }

  toJSON(): ProbeTimeline {
    const buckets = [...this.#buckets]
      .sort(([a], [b]) => a - b)
      .map(([second, targets]) => ({
        at: new Date(second * 1000).toISOString(),
        targets: Object.fromEntries([...targets].map(([name, cell]) => [name, { ...cell }])),
      }));
    return { bucketSeconds: this.#bucketSeconds, buckets };
  }
}

/** Aggregates samples in bounded memory: counts, the first violations, one bucket a second. */
export class ProbeTally {
  readonly #overall = emptyCounts();
  readonly #groups = new Map(GROUPS.map((group) => [group, new Map<string, Counts>()]));
  readonly #reasons = new Map<string, { outcome: OutcomeKind; reason: string; count: number }>();
  readonly #violations: Violation[] = [];
  readonly #phases: { name: string; from: string; to?: string }[] = [];
  readonly #timeline = new Timeline();
  #startedAt: string | undefined;
  #endedAt: string | undefined;
  #missed = 0;

  /** Notes that probing began. */
  start(at: Date): void {
    this.#startedAt ??= at.toISOString();
  }

  /** Notes that probing ended, and its last phase with it. */
  end(at: Date): void {
    this.#endedAt = at.toISOString();
    const last = this.#phases.at(-1);
    if (last !== undefined) last.to ??= this.#endedAt;
  }

  /** Begins a phase, and ends the one before. */
  phase(name: string, at: Date): void {
    const from = at.toISOString();
    const last = this.#phases.at(-1);
    if (last !== undefined) last.to ??= from;
    this.#phases.push({ name, from });
  }

  /** Notes sendings that were left out because the prober was late. */
  missed(count: number): void {
    this.#missed += count;
  }

  /** Counts one finished probe. */
  add(sample: Sample): void {
    const { probe, outcome, expected } = sample;
    const failed = violates(expected, outcome.kind);
    const keys = {
      byKind: probe.target.kind,
      byTarget: probe.target.name,
      byClient: probe.client.name,
      byCall: probe.call.kind,
      byPhase: sample.phase,
    };
    const grouped = [...this.#groups].map(([group, map]) =>
      getOrAdd(map, keys[group], emptyCounts),
    );
    for (const counts of [this.#overall, ...grouped]) {
      counts.total += 1;
      counts[column(outcome.kind)] += 1;
      if (failed) counts.failed += 1;
      counts.slowestMs = Math.max(counts.slowestMs, outcome.ms);
    }
    this.#timeline.add(sample.sentAt, probe.target.name, outcome.kind, failed);
    if (outcome.kind !== 'pass') this.#reason(outcome);
    if (failed) this.#violation(sample);
  }

  #reason({ kind, reason }: ProbeOutcome): void {
    const known = this.#reasons.has(`${kind} ${reason}`) || this.#reasons.size < REASONS_KEPT;
    const shown = known ? reason : 'other reasons';
    const make = (): { outcome: OutcomeKind; reason: string; count: number } => ({
      outcome: kind,
      reason: shown,
      count: 0,
    });
    getOrAdd(this.#reasons, `${kind} ${shown}`, make).count += 1;
  }

  #violation({ probe, phase, expected, sentAt, outcome }: Sample): void {
    if (this.#violations.length >= VIOLATIONS_KEPT) return;
    this.#violations.push({
      at: sentAt.toISOString(),
      phase,
      target: probe.target.name,
      client: probe.client.name,
      call: probe.call.kind,
      expected,
      outcome: outcome.kind,
      reason: outcome.reason,
    });
  }

  /** Everything so far, as a copy. */
  summary(): ProbeSummary {
    const group = (name: (typeof GROUPS)[number]): Record<string, Tally> =>
      Object.fromEntries(
        [...(this.#groups.get(name) ?? [])].map(([key, counts]) => [key, { ...counts }]),
      );
    return {
      ...(this.#startedAt !== undefined && { startedAt: this.#startedAt }),
      ...(this.#endedAt !== undefined && { endedAt: this.#endedAt }),
      overall: { ...this.#overall },
      byKind: group('byKind'),
      byTarget: group('byTarget'),
      byClient: group('byClient'),
      byCall: group('byCall'),
      byPhase: group('byPhase'),
      reasons: [...this.#reasons.values()]
        .map((entry) => ({ ...entry }))
        .sort((a, b) => b.count - a.count),
      violations: [...this.#violations],
      phases: this.#phases.map((span): PhaseSpan => ({ ...span })),
      timeline: this.#timeline.toJSON(),
      missed: this.#missed,
    };
  }
}
