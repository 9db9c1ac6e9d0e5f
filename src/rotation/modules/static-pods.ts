import * as z from 'zod';
import { requestFromHost } from '../../kubernetes/https.js';
import { applyHostChanges, type HostChange } from '../../modules/host-change.js';
import type { ModuleContext, TaskModule } from '../../modules/module.js';
import { readFlags } from '../../pki/static-pod.js';
import { asCaravanError, CaravanError } from '../../values/error.js';
import { sh } from '../../values/shell.js';
import type { AuthorityStore } from '../authorities.js';
import {
  readHostSurvey,
  readProcesses,
  staleComponents,
  type HostSurvey,
  type StaticPod,
} from '../host-survey.js';
import { RESTART, restartKubelet } from '../kubelet-restart.js';
import { MANIFESTS } from '../locations.js';
import { wantedManifest } from '../manifest.js';

const input = z.strictObject({
  holds: z.enum(['old', 'both', 'new']),
  clients: z.enum(['old', 'new']),
  servers: z.enum(['old', 'both', 'new']),
  /** `always` restarts kube-apiserver in each state too, as the Kubernetes page says. */
  restart: z.enum(['needed', 'always']).default('needed'),
  /** Deadline for the restarted pods to be healthy, in seconds. */
  within: z.number().positive().default(180),
});

type Input = z.infer<typeof input>;
type Change = PodChange | (typeof RESTART & { readonly survey: HostSurvey });

/** Where each component says that it is healthy, and the flag that moves its port. */
const HEALTH: Readonly<Record<StaticPod, { port: number; path: string }>> = {
  'kube-apiserver': { port: 6443, path: '/readyz' },
  'kube-controller-manager': { port: 10257, path: '/healthz' },
  'kube-scheduler': { port: 10259, path: '/healthz' },
};

type PodChange = HostChange & {
  readonly component: StaticPod;
  /** Of its health endpoint. */
  readonly port: number;
};

/**
 * Gives the static pods of a control plane the flags of the state and restarts those that have
 * not read their files. A pod is restarted by a changed manifest, since an unchanged one is left
 * alone by the kubelet; the annotation that changes it is gone at the end, so that the manifest
 * has its first bytes again.
 *
 * A kubelet starts a changed static pod only 10 to 15 s after the one before has ended
 * (pod_workers.go, allowPodStart), unless it was itself started meanwhile. So where it must be
 * restarted too, that happens in between.
 */
export function staticPods(store: AuthorityStore): TaskModule<Input, HostSurvey, Change> {
  return {
    name: 'static_pods',
    doc: 'Set the flags of the control plane pods for a state, restart those that must read again, and see them healthy.',
    input,
    observe: (_input, { connection, signal }) => readHostSurvey(connection, signal),
    check: (survey, wanted) => {
      const pods = (Object.keys(survey.manifests) as StaticPod[]).flatMap((component) =>
        podChange(survey, component, wanted),
      );
      const kubelet = pods.length > 0 && staleComponents(survey).includes('kubelet');
      return {
        changes: kubelet ? [...pods, { ...RESTART, survey }] : pods,
        reason: 'flags are as they must be, and every pod has read its files',
      };
    },
    apply: async (changes, { clients, within }, context) => {
      const { now } = await readProcesses(context.connection, context.signal);
      const pods = changes.filter((change): change is PodChange => 'component' in change);
      await applyHostChanges(pods, context);
      for (const change of changes) {
        if (!('survey' in change)) continue;
        await ended(pods, now, within, context);
        await restartKubelet(change.survey, store, { as: clients, within }, context);
      }
      // All of them end before the task does. Manifests stay: those from before may name files that
      // hold a bundle by now, and a healthy pod would be restarted again.
      const ends = await Promise.allSettled(
        pods.map((change) => healthy(change, now, within, context)),
      );
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed) throw asCaravanError(failed.reason);
      context.record(
        'restarts',
        pods.map(({ component }) => ({ component, host: context.host.name })),
      );
      return {};
    },
  };
}

function podChange(survey: HostSurvey, component: StaticPod, wanted: Input): PodChange[] {
  const before = survey.manifests[component] ?? '';
  const after = wantedManifest(survey, component, wanted);
  const path = `${MANIFESTS}/${component}.yaml`;
  const port = Number(readFlags(before).flags.get('secure-port') ?? HEALTH[component].port);
  if (after !== before) {
    return [
      {
        kind: 'write',
        component,
        port,
        path,
        content: after,
        // The kubelet runs every file in its folder that does not start with a dot (k/k#136962).
        temporaryFolder: '/etc/kubernetes',
        summary: `restart ${component} with a changed manifest`,
        diff: { path, before, after },
      },
    ];
  }
  if (component === 'kube-apiserver' || !staleComponents(survey).includes(component)) return [];
  return [
    {
      kind: 'run',
      component,
      port,
      summary: `restart ${component}, which has not read its files`,
      script: sh`for p in /proc/[0-9]*; do
  read -r name < "$p/comm" 2>/dev/null || continue
  [ "$name" = ${component.slice(0, 15)} ] && kill -TERM "\${p#/proc/}"
done; true`,
    },
  ];
}

/** Waits until no process of these components is left from before `since` (the host's clock). */
async function ended(
  pods: readonly PodChange[],
  since: number,
  withinSeconds: number,
  { connection, clock, signal }: ModuleContext,
): Promise<void> {
  const deadline = clock.now().getTime() + withinSeconds * 1000;
  // One that does not end in time is found by the wait for its successor.
  while (clock.now().getTime() < deadline) {
    const { startedAt } = await readProcesses(connection, signal);
    if (pods.every(({ component }) => (startedAt[component] ?? since) >= since)) return;
    await clock.sleep(200, signal);
  }
}

/** Waits until a component was started after `since` (the host's clock) and says it is healthy. */
async function healthy(
  { component, port }: PodChange,
  since: number,
  withinSeconds: number,
  context: ModuleContext,
): Promise<void> {
  const { connection, clock, signal, host } = context;
  const { path } = HEALTH[component];
  const deadline = clock.now().getTime() + withinSeconds * 1000;
  let seen = 'waiting for the kubelet to start it again';
  let said = '';
  while (clock.now().getTime() < deadline) {
    const { startedAt } = await readProcesses(connection, signal);
    const started = startedAt[component];
    if (started !== undefined && started > since) {
      const { status, error } = await requestFromHost(connection, { port, path });
      if (status === 200) return;
      seen = `${path} gives ${status ?? error ?? 'nothing'}`;
    }
    if (seen !== said) context.progress(`${component}: ${seen}`);
    said = seen;
    await clock.sleep(250, signal);
  }
  throw new CaravanError(
    'verify',
    `Restarted ${component}: not healthy within ${withinSeconds} s (${seen}).`,
    {
      host: host.name,
      hint: `See /var/log/pods/kube-system_${component}-*/ on the host, then run the same command again, or \`caravan rotate --to\` the state before.`,
    },
  );
}
