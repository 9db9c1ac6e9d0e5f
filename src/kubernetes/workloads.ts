import type { Connection } from '../transport/port.js';
import { kubectlJson } from './kubectl.js';

/** The pod template annotation that says which trust bundle a workload's pods were started with. */
export const TRUST_ANNOTATION = 'caravan/started-with-trust';

/** A Deployment, DaemonSet or StatefulSet whose pods use the API with the cluster's CA. */
export interface Workload {
  readonly kind: 'deployment' | 'daemonset' | 'statefulset';
  readonly namespace: string;
  readonly name: string;
  /** Value of {@link TRUST_ANNOTATION}, if it has one. */
  readonly startedWith?: string;
  /** PodDisruptionBudgets that cover it, and how many of its pods they let go now. */
  readonly budgets: readonly { readonly name: string; readonly disruptionsAllowed: number }[];
  /** Whether all its pods run the present template and are ready. */
  readonly rolledOut: boolean;
}

interface Labels {
  readonly matchLabels?: Readonly<Record<string, string>>;
}
interface RawWorkload {
  readonly kind: string;
  readonly metadata: { name: string; namespace: string; generation: number };
  readonly spec: {
    readonly replicas?: number;
    readonly selector?: Labels;
    readonly updateStrategy?: { readonly type?: string };
    readonly template: {
      readonly metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
      readonly spec: { readonly automountServiceAccountToken?: boolean };
    };
  };
  readonly status: Readonly<Record<string, number | string | undefined>>;
}
interface RawBudget {
  readonly metadata: { name: string; namespace: string };
  readonly spec: { readonly selector?: Labels };
  readonly status?: { readonly disruptionsAllowed?: number };
}

/** Reads all workloads whose pods get a service account token, in one call. */
export async function readWorkloads(
  connection: Connection,
  signal?: AbortSignal,
): Promise<Workload[]> {
  const { items } = await kubectlJson<{ items: (RawWorkload | RawBudget)[] }>(
    connection,
    ['get', 'deployments,daemonsets,statefulsets,poddisruptionbudgets', '-A'],
    signal ? { signal } : {},
  );
  const budgets = items.filter((item): item is RawBudget => !('template' in item.spec));
  return items
    .filter((item): item is RawWorkload => 'template' in item.spec)
    .filter((item) => item.spec.template.spec.automountServiceAccountToken !== false)
    .map((item) => toWorkload(item, budgets));
}

function toWorkload(raw: RawWorkload, budgets: readonly RawBudget[]): Workload {
  const { labels = {}, annotations = {} } = raw.spec.template.metadata ?? {};
  const startedWith = annotations[TRUST_ANNOTATION];
  return {
    kind: raw.kind.toLowerCase() as Workload['kind'],
    namespace: raw.metadata.namespace,
    name: raw.metadata.name,
    ...(startedWith !== undefined && { startedWith }),
    budgets: budgets
      .filter((b) => b.metadata.namespace === raw.metadata.namespace && covers(b, labels))
      .map((b) => ({
        name: b.metadata.name,
        disruptionsAllowed: b.status?.disruptionsAllowed ?? 0,
      })),
    rolledOut: rolledOut(raw),
  };
}

function covers({ spec }: RawBudget, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(spec.selector?.matchLabels ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

/** As `kubectl rollout status` decides (kubectl/pkg/polymorphichelpers/rollout_status.go). */
function rolledOut({ kind, metadata, spec, status }: RawWorkload): boolean {
  const count = (name: string): number => Number(status[name] ?? 0);
  if (count('observedGeneration') < metadata.generation) return false;
  if (kind === 'DaemonSet') {
    const wanted = count('desiredNumberScheduled');
    return count('updatedNumberScheduled') >= wanted && count('numberAvailable') >= wanted;
  }
  const wanted = spec.replicas ?? 1;
  const all = count('updatedReplicas') >= wanted && count('readyReplicas') >= wanted;
  if (kind === 'StatefulSet') {
    return all && status['updateRevision'] === status['currentRevision'];
  }
  return (
    all && count('replicas') <= count('updatedReplicas') && count('availableReplicas') >= wanted
  );
}
