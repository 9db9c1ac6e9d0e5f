import type { ReportData } from '../evidence/report.js';
import type { Tally } from '../evidence/probe.js';
import type { RehearsedRound } from './rehearse.js';
import type { Check, ProbeCount, RehearsalResult } from './result.js';

/** The fewest probes on the balancer that say anything. */
const ENOUGH_PROBES = 3_000;

/** The most restarts of any one instance, on `old` to `new`. */
const MOST_RESTARTS: Readonly<Record<string, number>> = {
  'kube-apiserver': 0,
  'kube-controller-manager': 3,
  'kube-scheduler': 3,
  kubelet: 3,
};
const MOST_WORKLOAD_RESTARTS = 2;

/** What the rehearsal as a whole must hold, besides the checks of each round. */
function overallChecks(result: Omit<RehearsalResult, 'ok'>): Check[] {
  const { probes, restarts, leftovers } = result;
  const of = ({ failed, total }: ProbeCount): string => `${failed} of ${total} failed`;
  return [
    {
      name: 'no failed probe on the balancer',
      ok: probes.balancer.failed === 0 && probes.balancer.total >= ENOUGH_PROBES,
      detail: `${of(probes.balancer)}, at least ${ENOUGH_PROBES} wanted`,
    },
    {
      name: 'no failed probe on an API server',
      ok: probes.direct.failed === 0,
      detail: of(probes.direct),
    },
    ...Object.entries(MOST_RESTARTS).map(([component, most]) => {
      const count = restarts[component as keyof Omit<typeof restarts, 'workloads'>];
      return {
        name: `restarts of ${component}`,
        ok: count <= most,
        detail: `${count}, at most ${most}`,
      };
    }),
    ...Object.entries(restarts.workloads).map(([name, count]) => ({
      name: `restarts of ${name}`,
      ok: count <= MOST_WORKLOAD_RESTARTS,
      detail: `${count}, at most ${MOST_WORKLOAD_RESTARTS}`,
    })),
    { name: 'no leftover of the old CA', ok: leftovers === 0, detail: `${leftovers} found` },
  ];
}

const largest = (values: readonly number[]): number => Math.max(0, ...values);

function sum(rounds: readonly RehearsedRound[], kind: 'balancer' | 'direct'): ProbeCount {
  const tallies = rounds.flatMap(({ probes }): Tally[] => {
    const tally = probes.byKind[kind];
    return tally ? [tally] : [];
  });
  return {
    total: tallies.reduce((total, tally) => total + tally.total, 0),
    failed: tallies.reduce((failed, tally) => failed + tally.failed, 0),
  };
}

/** The result of all rounds: counts add up, restarts and times are of the worst round. */
export function resultOf(
  rounds: readonly RehearsedRound[],
  known: { kubernetes: string; labUpSeconds: number; report: RehearsalResult['report'] },
): RehearsalResult {
  const most = (component: string): number =>
    largest(rounds.flatMap(({ restarts }) => Object.values(restarts[component] ?? {})));
  const seconds = (walk: number): number =>
    Math.round(largest(rounds.map(({ walks }) => walks[walk]?.seconds ?? 0)) * 10) / 10;
  const names = new Set(rounds.flatMap((round) => Object.keys(round.workloadRestarts)));
  const result = {
    kubernetes: known.kubernetes,
    probes: { balancer: sum(rounds, 'balancer'), direct: sum(rounds, 'direct') },
    restarts: {
      'kube-apiserver': most('kube-apiserver'),
      'kube-controller-manager': most('kube-controller-manager'),
      'kube-scheduler': most('kube-scheduler'),
      kubelet: most('kubelet'),
      workloads: Object.fromEntries(
        [...names].map((name) => [name, largest(rounds.map((r) => r.workloadRestarts[name] ?? 0))]),
      ),
    },
    seconds: {
      labUp: Math.round(known.labUpSeconds * 10) / 10,
      rollForward: seconds(0),
      rollBack: seconds(1),
      rotate: seconds(2),
    },
    leftovers: rounds.reduce((count, round) => count + round.leftovers.length, 0),
    report: known.report,
  };
  const checks = [...overallChecks(result), ...rounds.flatMap((round) => round.checks)];
  return { ok: rounds.length > 0 && checks.every((check) => check.ok), ...result };
}

/** The report of the last round, with the checks of all. */
export function reportOf(
  rounds: readonly RehearsedRound[],
  result: RehearsalResult,
  time: { started: Date; ended: Date },
): ReportData {
  const last = rounds.at(-1);
  if (!last) throw new TypeError('a report needs a round');
  return {
    title: 'Rehearsal of a CA rotation',
    cluster: 'practice cluster on this machine',
    kubernetesVersion: result.kubernetes,
    startedAt: time.started.toISOString(),
    endedAt: time.ended.toISOString(),
    walks: last.walks,
    restarts: { ...last.restarts, workloads: last.workloadRestarts },
    probes: last.probes,
    events: last.walks.map(({ name, startedAt }) => ({ at: startedAt, what: `walk ${name}` })),
    checks: [...overallChecks(result), ...rounds.flatMap((round) => round.checks)],
    leftovers: rounds.flatMap((round) =>
      round.leftovers.map((where) => ({ where, what: 'holds the CA that was rotated away' })),
    ),
    notes: [
      `${rounds.length} round(s); matrices, probes and restarts are of the last one.`,
      'Restarts are counted on the walk from old to new, by looking at the processes every 2 s.',
      'The etcd CA and the service account key are not rotated.',
    ],
  };
}
