import { createHash } from 'node:crypto';
import * as z from 'zod';
import { kubectl } from '../../kubernetes/kubectl.js';
import {
  nameOf,
  obstacleOf,
  readWorkloads,
  TRUST_ANNOTATION,
  type Workload,
} from '../../kubernetes/workloads.js';
import type { Change, ModuleContext, TaskModule } from '../../modules/module.js';
import { CaravanError } from '../../values/error.js';
import type { Authorities, AuthorityPair, AuthorityStore } from '../authorities.js';
import { pairOf, trustText } from '../changes.js';
import type { Holds } from '../states.js';

const input = z.strictObject({
  holds: z.enum(['old', 'both', 'new']),
  /** Deadline for all rollouts together, in seconds. */
  within: z.number().positive().default(600),
});

type Input = z.infer<typeof input>;

interface Seen {
  readonly authorities: Authorities;
  readonly workloads: readonly Workload[];
}

type WorkloadChange = Change & { readonly workload: Workload; readonly trust: string };

/** What a workload says of the trust bundle that its pods were started with. */
export function trustMark(pair: AuthorityPair, holds: Holds): string {
  return createHash('sha256').update(trustText(pair, holds)).digest('hex').slice(0, 16);
}

/**
 * Restarts the pods that read the cluster's CA at their start, by an annotation on their template,
 * so that Kubernetes replaces them as each workload's own update strategy says. A workload under
 * a PodDisruptionBudget starts only when the budget lets a pod go.
 */
export function workloadsRead(store: AuthorityStore): TaskModule<Input, Seen, WorkloadChange> {
  const observe = async (_input: Input, context: ModuleContext): Promise<Seen> => ({
    authorities: await store.load(),
    workloads: await readWorkloads(context.connection, context.signal),
  });
  return {
    name: 'workloads_read',
    doc: 'Restart, by annotation, every workload whose pods were started with another trust bundle.',
    input,
    observe,
    check: ({ authorities, workloads }, { holds }) => {
      const trust = trustMark(pairOf(authorities, 'cluster'), holds);
      return {
        changes: workloads
          .filter((workload) => workload.startedWith !== trust || !workload.rolledOut)
          .map((workload) => ({
            workload,
            trust,
            summary: `restart ${nameOf(workload)} with trust in: ${holds}`,
          })),
        reason: `${workloads.length} workloads were started with trust in: ${holds}`,
      };
    },
    apply: async (changes, { within }, context) => {
      await rollAll(changes, within, context);
      return {};
    },
  };
}

async function rollAll(
  changes: readonly WorkloadChange[],
  within: number,
  context: ModuleContext,
): Promise<void> {
  const { connection, clock, signal } = context;
  const deadline = clock.now().getTime() + within * 1000;
  const waiting = new Map(changes.map((change) => [nameOf(change.workload), change]));
  const started = new Set<string>();
  let said = '';
  for (;;) {
    const now = await readWorkloads(connection, signal);
    for (const workload of now) {
      const name = nameOf(workload);
      const change = waiting.get(name);
      if (!change) continue;
      if (workload.startedWith === change.trust) {
        if (workload.rolledOut) waiting.delete(name);
      } else if (!started.has(name) && workload.budgets.every((b) => b.disruptionsAllowed > 0)) {
        started.add(name);
        await restart(workload, change.trust, context);
        context.record('restarts', [
          { component: 'workload', host: `${workload.namespace}/${workload.name}` },
        ]);
      }
    }
    for (const name of waiting.keys()) {
      if (!now.some((workload) => nameOf(workload) === name)) waiting.delete(name);
    }
    if (waiting.size === 0) return;
    if (clock.now().getTime() > deadline) throw stuck(now, waiting, within);
    const text = `rolling out: ${[...waiting.keys()].join(', ')}`;
    if (text !== said) context.progress(text);
    said = text;
    await clock.sleep(1_000, signal);
  }
}

async function restart(workload: Workload, trust: string, context: ModuleContext): Promise<void> {
  const patch = {
    spec: { template: { metadata: { annotations: { [TRUST_ANNOTATION]: trust } } } },
  };
  await kubectl(
    context.connection,
    ['patch', workload.kind, '-n', workload.namespace, workload.name, '--patch-file', '/dev/stdin'],
    { stdin: JSON.stringify(patch), signal: context.signal },
  );
}

function stuck(
  now: readonly Workload[],
  waiting: ReadonlyMap<string, WorkloadChange>,
  within: number,
): CaravanError {
  const names = now
    .filter((workload) => waiting.has(nameOf(workload)))
    .map((workload) => `${nameOf(workload)} (${obstacleOf(workload) ?? 'not restarted yet'})`);
  return new CaravanError(
    'verify',
    `Rolled out for ${within} s, not finished: ${names.join('; ')}.`,
    {
      hint: 'See `kubectl describe` of each; when they are ready, run the same command again.',
    },
  );
}
