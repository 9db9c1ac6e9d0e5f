import { readFile } from 'node:fs/promises';
import type { ProbeCall } from '../evidence/probe.js';
import { kubectl, kubectlJson } from '../kubernetes/kubectl.js';
import { readWorkloads } from '../kubernetes/workloads.js';
import type { Connection } from '../transport/port.js';
import type { Clock } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';

const LOADS = new URL('../../lab/practice/loads.yaml', import.meta.url);
const NAMESPACE = 'practice';

/** Puts the practice loads on the cluster and waits until all of them run. */
export async function applyLoads(
  connection: Connection,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await kubectl(connection, ['apply', '-f', '-'], { stdin: await readFile(LOADS, 'utf8'), signal });
  const deadline = clock.now().getTime() + 240_000;
  for (;;) {
    const waiting = (await readWorkloads(connection, signal)).filter((load) => !load.rolledOut);
    if (waiting.length === 0) return;
    if (clock.now().getTime() > deadline) {
      throw new CaravanError(
        'verify',
        `Practice loads are not ready after 240 s: ${waiting.map((load) => load.name).join(', ')}.`,
        { hint: 'See `kubectl -n practice describe pods` with the lab kubeconfig.' },
      );
    }
    await clock.sleep(1_000, signal);
  }
}

/** How often each workload's pods were replaced: the generation of its spec counts every change. */
export async function workloadGenerations(
  connection: Connection,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const { items } = await kubectlJson<{
    items: { metadata: { namespace: string; name: string; generation: number } }[];
  }>(connection, ['get', 'deployments,daemonsets,statefulsets', '-A'], { signal });
  return Object.fromEntries(
    items.map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.generation]),
  );
}

/** A service account token for probes, good for two hours. */
export async function callerToken(connection: Connection, signal: AbortSignal): Promise<Secret> {
  const text = await kubectl(
    connection,
    ['create', 'token', 'caller', '-n', NAMESPACE, '--duration=2h'],
    { signal },
  );
  return new Secret(text.trim());
}

/** `kubectl logs` and `exec` calls to one pod on each node. */
export async function kubeletProbeCalls(
  connection: Connection,
  signal: AbortSignal,
): Promise<ProbeCall[]> {
  const { items } = await kubectlJson<{
    items: { metadata: { name: string }; spec: { nodeName: string } }[];
  }>(connection, ['get', 'pods', '-n', NAMESPACE, '-l', 'probe=kubelet'], { signal });
  return items.flatMap(({ metadata }): ProbeCall[] => {
    const pod = { namespace: NAMESPACE, pod: metadata.name, container: 'agnhost' };
    return [
      { kind: 'logs', ...pod },
      { kind: 'exec', ...pod, command: ['/agnhost', '--version'] },
    ];
  });
}

/** One bare pod on each node, which no rollout replaces, for `kubectl logs` and `exec`. */
export async function applyKubeletProbePods(
  connection: Connection,
  signal: AbortSignal,
): Promise<void> {
  const { items } = await kubectlJson<{ items: { metadata: { name: string } }[] }>(
    connection,
    ['get', 'nodes'],
    { signal },
  );
  const pods = items.map(({ metadata: { name } }) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `probe-${name}`, namespace: NAMESPACE, labels: { probe: 'kubelet' } },
    spec: {
      nodeName: name,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'agnhost',
          image: 'registry.k8s.io/e2e-test-images/agnhost:2.53',
          args: ['netexec', '--http-port=8080'],
        },
      ],
    },
  }));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods });
  await kubectl(connection, ['apply', '-f', '-'], { stdin: list, signal });
  await kubectl(
    connection,
    [
      'wait',
      '-n',
      NAMESPACE,
      'pod',
      '-l',
      'probe=kubelet',
      '--for=condition=Ready',
      '--timeout=120s',
    ],
    { signal, timeoutMs: 130_000 },
  );
}
