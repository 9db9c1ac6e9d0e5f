import type { ProbeSummary } from './probe-model.js';

/** Restarts of each component on each host: `{ kubelet: { worker1: 3 } }`. */
export type RestartCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What a place holds, told by its certificates; `-` where the item does not exist by design. */
export type CellState = 'old' | 'both' | 'new' | 'foreign' | 'missing' | '-';

/** One item of trust, leaf or flag, on every host. */
export interface MatrixRow {
  /** As the catalogue names it: `client-ca-file`, `apiserver.crt`. */
  readonly item: string;
  /** `cluster`, `front-proxy`, `etcd`, `service-account`. */
  readonly authority: string;
  /** `trust`, `client leaf`, `server leaf`, `signer`, ... */
  readonly kind: string;
  /** By column; a column that is left out shows as `-`. */
  readonly cells: Readonly<Record<string, CellState>>;
}

/** The convergence matrix at one moment. Columns are hosts, and `API` for objects. */
export interface Matrix {
  readonly columns: readonly string[];
  readonly rows: readonly MatrixRow[];
}

/** One move to a neighbouring state. */
export interface WalkStep {
  /** The state that was reached: `trust-both`. */
  readonly state: string;
  readonly seconds: number;
  readonly matrixBefore: Matrix;
  readonly matrixAfter: Matrix;
}

/** A run of steps in one direction: `old → new`. */
export interface Walk {
  readonly name: string;
  readonly steps: readonly WalkStep[];
}

/** Something that was checked, and what was found. */
export interface ReportCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Everything a report says. Holds no secret; times are ISO 8601 in UTC. */
export interface ReportData {
  readonly title: string;
  readonly cluster: string;
  readonly kubernetesVersion: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly walks: readonly Walk[];
  readonly restarts: RestartCounts;
  readonly probes: ProbeSummary;
  readonly events: readonly { readonly at: string; readonly what: string }[];
  readonly checks: readonly ReportCheck[];
  /** What still holds the old CA. */
  readonly leftovers: readonly { readonly where: string; readonly what: string }[];
  /** What was not verified, excluded by hand, or differs from the usual. */
  readonly notes: readonly string[];
}

/** The report in one word, and why. */
export interface ReportVerdict {
  /** `unproven`: nothing contradicts, but nothing was checked or probed either. */
  readonly outcome: 'held' | 'violated' | 'unproven';
  readonly because: readonly string[];
}

/** Judges the evidence: one failed check, violated probe or leftover is enough to say so. */
export function verdictOf(data: ReportData): ReportVerdict {
  const failed = data.checks.filter((check) => !check.ok);
  const { overall, missed } = data.probes;
  const against = [
    ...failed.map((check) => `check failed: ${check.name}`),
    ...(overall.failed > 0 ? [`${overall.failed} probes did not end as they should`] : []),
    ...(data.leftovers.length > 0 ? [`${data.leftovers.length} places still hold the old CA`] : []),
  ];
  if (against.length > 0) return { outcome: 'violated', because: against };
  const unproven = [
    ...(data.checks.length === 0 ? ['nothing was checked'] : []),
    ...(overall.total === 0 ? ['no probe was sent'] : []),
    ...(missed > overall.total
      ? [`${missed} probes were left out because the prober was late, more than were sent`]
      : []),
  ];
  if (unproven.length > 0) return { outcome: 'unproven', because: unproven };
  return {
    outcome: 'held',
    because: [
      `${data.checks.length} of ${data.checks.length} checks passed`,
      `all ${overall.total.toLocaleString('en')} probes ended as they should`,
      ...(missed > 0 ? [`${missed} probes were left out because the prober was late`] : []),
    ],
  };
}
