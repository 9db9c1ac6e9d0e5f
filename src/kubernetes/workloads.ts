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
  /** Why no rollout of it would end, whatever its pods do. */
  readonly heldBy?: string;
  /** PodDisruptionBudgets that cover its pods, if it has any, and how many they let go now. */
  readonly budgets: readonly { readonly name: string; readonly disruptionsAllowed: number }[];
  /** Whether all its pods run the present template and are ready. */
  readonly rolledOut: boolean;
}

/** A workload as messages name it. */
export const nameOf = ({ kind, namespace, name }: Workload): string =>
  `${namespace}/${kind}/${name}`;

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}
interface RawWorkload {
  readonly kind: string;
  readonly metadata: { name: string; namespace: string; generation: number };
  readonly spec: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly updateStrategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly partition?: number };
    };
    readonly template: {
      readonly metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
      readonly spec: { readonly automountServiceAccountToken?: boolean };
    };
  };
  readonly status: Readonly<Record<string, number | string | undefined>>;
}
interface RawBudget {
  readonly metadata: { name: string; namespace: string };
  readonly spec: { readonly selector?: LabelSelector };
  readonly status?: { readonly disruptionsAllowed?: number };
}

/** What a rollout would be waited for, perhaps in vain; undefined where nothing is in its way. */
export function obstacleOf({ heldBy, budgets, rolledOut }: Workload): string | undefined {
  const blocked = budgets.filter((budget) => budget.disruptionsAllowed === 0);
  const names = blocked.map((budget) => budget.name).join(', ');
  if (heldBy !== undefined) return heldBy;
  if (names !== '') return `PodDisruptionBudget ${names} allows no disruption`;
  return rolledOut ? undefined : 'its pods are not all ready with its present template';
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

/** What counts of a workload as the API gives it. Pure. */
export function toWorkload(raw: RawWorkload, budgets: readonly RawBudget[]): Workload {
  const { labels = {}, annotations = {} } = raw.spec.template.metadata ?? {};
  const startedWith = annotations[TRUST_ANNOTATION];
  const heldBy = holdOf(raw);
  return {
    kind: raw.kind.toLowerCase() as Workload['kind'],
    namespace: raw.metadata.namespace,
    name: raw.metadata.name,
    ...(startedWith !== undefined && { startedWith }),
    ...(heldBy !== undefined && { heldBy }),
    budgets: budgets
      .filter(() => podsOf(raw) > 0)
      .filter((b) => b.metadata.namespace === raw.metadata.namespace && covers(b, labels))
      .map((b) => ({
        name: b.metadata.name,
        disruptionsAllowed: b.status?.disruptionsAllowed ?? 0,
      })),
    rolledOut: rolledOut(raw),
  };
}

/** As labels are matched by the API (apimachinery/pkg/labels); a budget without a selector has no pods. */
function covers(
  { spec: { selector } }: RawBudget,
  labels: Readonly<Record<string, string>>,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return (
    selector !== undefined &&
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const isNamed = values.includes(labels[key] ?? '');
      switch (operator) {
        case 'In':
          return key in labels && isNamed;
        case 'NotIn':
          return !(key in labels && isNamed);
        case 'Exists':
          return key in labels;
        default:
          return !(key in labels); // DoesNotExist, the last of them
      }
    })
  );
}

/** How many pods it is to have. */
function podsOf({ kind, spec, status }: RawWorkload): number {
  return kind === 'DaemonSet'
    ? Number(status['desiredNumberScheduled'] ?? 0)
    : (spec.replicas ?? 1);
}

function holdOf(raw: RawWorkload): string | undefined {
  const { paused, updateStrategy } = raw.spec;
  if (podsOf(raw) === 0 && raw.kind !== 'StatefulSet') return undefined;
  if (paused === true) return 'it is paused';
  if (updateStrategy?.type === 'OnDelete') return 'its update strategy is OnDelete';
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  return partition > 0 ? `its update strategy has partition ${partition}` : undefined;
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
