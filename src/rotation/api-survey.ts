import { kubectl } from '../kubernetes/kubectl.js';
import {
  readTrustObjects,
  TRUST_OBJECT_KINDS,
  type TrustObject,
} from '../kubernetes/trust-objects.js';
import { nameOf, obstacleOf, readWorkloads, type Workload } from '../kubernetes/workloads.js';
import type { ModuleContext } from '../modules/module.js';
import { asCaravanError } from '../values/error.js';

const SETTLE_MS = 30_000;

/** What the API says that a rotation rests on. */
export interface ReadApi {
  readonly objects: readonly TrustObject[];
  readonly workloads: readonly Workload[];
  readonly nodes: readonly Readiness[];
  /** Pods of the control planes. */
  readonly pods: readonly Readiness[];
  readonly error?: string;
}

interface Readiness {
  readonly name: string;
  readonly isReady: boolean;
}

/** Reads it once; of an API that does not answer it says why. */
export async function readApi({ connection, signal }: ModuleContext): Promise<ReadApi> {
  try {
    const objects = await readTrustObjects(TRUST_OBJECT_KINDS, connection, signal);
    const workloads = await readWorkloads(connection, signal);
    const nodes = await readiness(['nodes'], connection, signal);
    const pods = await readiness(
      ['pods', '-n', 'kube-system', '-l', 'tier=control-plane'],
      connection,
      signal,
    );
    return { objects, workloads, nodes, pods };
  } catch (error) {
    const caught = asCaravanError(error);
    if (caught.kind === 'cancelled') throw caught;
    // The hosts can be surveyed, and repaired, while the API is down; a gate says so below.
    return { objects: [], workloads: [], nodes: [], pods: [], error: caught.message };
  }
}

async function readiness(
  what: readonly string[],
  connection: ModuleContext['connection'],
  signal: ModuleContext['signal'],
): Promise<Readiness[]> {
  const row =
    '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const text = await kubectl(connection, ['get', ...what, '-o', `jsonpath=${row}`], { signal });
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name = '', status] = line.split(' ');
      return { name, isReady: status === 'True' };
    });
}

/**
 * Reads it until all is ready, or for {@link SETTLE_MS}: after a walk back, or a host's restart,
 * Kubernetes takes a while to say so.
 */
export async function readSettled(
  context: ModuleContext,
  own: readonly (string | undefined)[],
): Promise<ReadApi> {
  const deadline = context.clock.now().getTime() + SETTLE_MS;
  for (;;) {
    const api = await readApi(context);
    const [first] = unreadyOf(api, own);
    if (first === undefined || context.clock.now().getTime() > deadline) return api;
    context.progress(`waiting for the cluster to settle: ${first}`);
    await context.clock.sleep(1_000, context.signal);
  }
}

/** What a rotation would wait for in vain. Of nodes, the hosts' own: others are told of by themselves. */
export function unreadyOf(
  { nodes, pods, workloads }: ReadApi,
  own: readonly (string | undefined)[],
): string[] {
  return [
    ...nodes
      .filter(({ name, isReady }) => !isReady && own.includes(name))
      .map(({ name }) => `node ${name} is not ready`),
    ...pods.filter(({ isReady }) => !isReady).map(({ name }) => `pod ${name} is not ready`),
    ...workloads.flatMap((workload) => {
      const obstacle = obstacleOf(workload);
      return obstacle === undefined ? [] : [`${nameOf(workload)}: ${obstacle}`];
    }),
  ];
}
