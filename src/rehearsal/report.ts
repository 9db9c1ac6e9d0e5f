import type { ReportData } from '../evidence/report.js';
import type { ProbeSummary, Tally } from '../evidence/probe.js';
import type { RehearsedRound } from './rehearse.js';
import { ENOUGH_PROBES, type Check, type ProbeCount, type RehearsalResult } from './result.js';

/** The most restarts of any one instance, on `old` to `new`. */
const MOST_RESTARTS: Readonly<Record<string, number>> = {
  'kube-apiserver': 0,
  'kube-controller-manager': 3,
  'kube-scheduler': 3,
  kubelet: 3,
};
const MOST_WORKLOAD_RESTARTS = 2;

/**
 * The largest part of `kubectl logs` and `exec` that may be cut, over all targets. What is under
 * way over a connection that a kubelet or kube-apiserver closes has no second chance (adr/0005);
 * a moment without traffic is waited for, and can be missed.
 */
const MOST_CUT = 0.01;

/** What the probes of one round must hold, besides those on the balancer. */
function probeChecks({ byCall }: ProbeSummary): Check[] {
  const none: Pick<Tally, 'failed' | 'total'> = { failed: 0, total: 0 };
  const { get = none, logs = none, exec = none } = byCall;
  const cut = { failed: logs.failed + exec.failed, total: logs.total + exec.total };
  return [
    {
      name: 'no failed API request, on any target',
      ok: get.failed === 0 && get.total > 0,
      detail: of(get),
    },
    {
      name: 'kubectl logs and exec through each target to each kubelet',
      ok: logs.total > 0 && exec.total > 0 && cut.failed <= cut.total * MOST_CUT,
      detail: of(cut),
    },
  ];
}

const of = ({ failed, total }: ProbeCount): string => `${failed} of ${total} failed`;

/** What the rehearsal as a whole must hold, besides the checks of each round. */
function overallChecks(result: Omit<RehearsalResult, 'ok'>): Check[] {
  const { probes, restarts, leftovers } = result;
  return [
    {
      name: 'no failed probe on the balancer',
      ok: probes.balancer.failed === 0 && probes.balancer.total >= ENOUGH_PROBES,
      detail: `${of(probes.balancer)}, at least ${ENOUGH_PROBES} wanted`,
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

function checksOf(rounds: readonly RehearsedRound[], result: Omit<RehearsalResult, 'ok'>): Check[] {
  const each = rounds.flatMap((round) => [...probeChecks(round.probes), ...round.checks]);
  return [...overallChecks(result), ...each];
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
  const checks = checksOf(rounds, result);
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
    checks: checksOf(rounds, result),
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
