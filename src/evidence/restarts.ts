/** A running instance, as seen at one moment. */
export interface InstanceObservation {
  /** ISO 8601. */
  readonly at: string;
  /** `kube-apiserver`, `kubelet`, ... */
  readonly component: string;
  readonly host: string;
  /** What is another one after a restart: a container id or a process id. */
  readonly identity: string | number;
  /** When the container or process started; tells apart a process id that was used again. */
  readonly startedAt: string;
}

/** Restarts of each component on each host: `{ kubelet: { worker1: 3 } }`. */
export type RestartCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

function group<V>(values: readonly V[], keyOf: (value: V) => string): Map<string, V[]> {
  const groups = new Map<string, V[]>();
  for (const value of values) append(groups, keyOf(value), value);
  return groups;
}

/** Distinct starts but the first; observations may come in any order and repeat. */
function restartsOf(observations: readonly InstanceObservation[]): number {
  const starts = new Set(observations.map((seen) => `${seen.identity}\n${seen.startedAt}`));
  return starts.size - 1;
}

/**
 * Counts restarts of each instance since it was first seen. A lower bound: an instance that
 * restarts twice between two observations counts once, so observe at every step.
 */
export function countRestarts(observations: readonly InstanceObservation[]): RestartCounts {
  const counts = new Map<string, Record<string, number>>();
  for (const [component, seen] of group(observations, (one) => one.component)) {
    const hosts = [...group(seen, (one) => one.host)];
    counts.set(
      component,
      Object.fromEntries(hosts.map(([host, ofHost]) => [host, restartsOf(ofHost)])),
    );
  }
  return Object.fromEntries(counts);
}

/** The most restarts of any one instance, for each component. */
export function mostRestarts(counts: RestartCounts): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(counts).map(([component, hosts]) => [
      component,
      Math.max(0, ...Object.values(hosts)),
    ]),
  );
}
