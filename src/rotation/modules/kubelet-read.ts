import { z } from 'zod';
import { requestFromHost } from '../../kubernetes/https.js';
import type { HostChange } from '../../modules/host-change.js';
import { applyHostChanges } from '../../modules/host-change.js';
import type { ModuleContext, TaskModule } from '../../modules/module.js';
import { CaravanError } from '../../values/error.js';
import { sh } from '../../values/shell.js';
import type { AuthorityStore, Generation } from '../authorities.js';
import { pairOf } from '../changes.js';
import { readHostSurvey, readProcesses, staleComponents, type HostSurvey } from '../host-survey.js';
import { quietMoment, withKubeletsHeld } from '../kubelet-hold.js';
import { passingLeaf, type ClientLeaf } from '../leaves.js';

const input = z.strictObject({
  /** Whose client leaves the kubelet accepts, for asking it which pods it knows. */
  clients: z.enum(['old', 'new']),
  /** Deadline for the restarted kubelet to be healthy, in seconds. */
  within: z.number().positive().default(60),
});

/** A kubelet that is healthy answers for its pods when it has read them: this long is waited. */
const PODS_MS = 10_000;

/**
 * Restarts the kubelet when it was started before its kubeconfig or client leaf changed. What is
 * embedded in a kubeconfig is never read again, and a client leaf is kept from the start.
 */
export function kubeletRead(
  store: AuthorityStore,
): TaskModule<z.infer<typeof input>, HostSurvey, HostChange> {
  return {
    name: 'kubelet_read',
    doc: 'Restart the kubelet if it has not read its kubeconfig and client leaf as they are now.',
    input,
    observe: (_input, { connection, signal }) => readHostSurvey(connection, signal),
    check: (survey) => ({
      changes: staleComponents(survey).includes('kubelet')
        ? [
            {
              kind: 'run',
              summary: 'restart kubelet, which has not read its files',
              script: sh`${quietMoment('sport = :10250')}
systemctl restart kubelet`,
            },
          ]
        : [],
      reason: 'the kubelet was started after its files changed',
    }),
    apply: async (changes, { clients, within }, context) => {
      const { connection, signal, host } = context;
      const leaf = await kubeletLeaf(store, clients, context);
      const held = await withKubeletsHeld('to', context, async (how) => {
        const podsBefore = await runningPods(leaf, context);
        const { now } = await readProcesses(connection, signal);
        await applyHostChanges(changes, context);
        await healthy(now, within, context);
        await podsAgain(podsBefore, leaf, context);
        return how;
      });
      context.record('restarts', [{ component: 'kubelet', host: host.name }]);
      return { result: { connections: held } };
    },
  };
}

/** Waits until the kubelet was started after `since` (the host's clock) and says it is healthy. */
async function healthy(since: number, within: number, context: ModuleContext): Promise<void> {
  const { connection, clock, signal, host } = context;
  const deadline = clock.now().getTime() + within * 1000;
  while (clock.now().getTime() < deadline) {
    const { kubelet } = (await readProcesses(connection, signal)).startedAt;
    // kubelet's own health port, plain HTTP on the loopback of the host.
    if (kubelet !== undefined && kubelet > since && (await kubeletHealth(context)) === 200) return;
    await clock.sleep(100, signal);
  }
  throw new CaravanError('verify', `Restarted kubelet: not healthy within ${within} s.`, {
    host: host.name,
    hint: 'See `journalctl -u kubelet` on the host, then run the same command again.',
  });
}

async function kubeletHealth({ connection }: ModuleContext): Promise<number | undefined> {
  const stream = await connection.forward('127.0.0.1', 10248).catch(() => undefined);
  if (!stream) return undefined;
  return new Promise((resolve) => {
    let text = '';
    const done = (): void => {
      stream.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]));
    };
    stream.on('data', (part: Buffer) => (text += part.toString()));
    stream.once('end', done);
    stream.once('error', done);
    stream.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  });
}

/** Undefined where the key of the CA is not on the controller: then the kubelet is not asked. */
async function kubeletLeaf(
  store: AuthorityStore,
  as: Generation,
  { clock }: ModuleContext,
): Promise<ClientLeaf | undefined> {
  const authority = pairOf(await store.load(), 'cluster')[as];
  if (!authority?.key) return undefined;
  const by = { certificate: authority.certificate, key: authority.key };
  return passingLeaf(by, { commonName: 'caravan', organizations: ['system:masters'] }, clock.now());
}

interface Pod {
  readonly metadata: { readonly uid: string };
  readonly status?: { readonly phase?: string };
}

/**
 * Running pods that the kubelet of the host knows. Undefined where it does not say: it asks
 * kube-apiserver whether the caller may, and a restart must not need that.
 */
async function runningPods(
  leaf: ClientLeaf | undefined,
  { connection }: ModuleContext,
): Promise<readonly string[] | undefined> {
  if (!leaf) return undefined;
  const { status, body } = await requestFromHost(connection, { port: 10250, path: '/pods', leaf });
  if (status !== 200) return undefined;
  const { items } = JSON.parse(body) as { items: readonly Pod[] | null };
  return (items ?? []).filter((p) => p.status?.phase === 'Running').map((p) => p.metadata.uid);
}

/** A kubelet that was just started answers 404 for pods that it has not read yet. */
async function podsAgain(
  before: readonly string[] | undefined,
  leaf: ClientLeaf | undefined,
  context: ModuleContext,
): Promise<void> {
  if (!before) return;
  const { clock, signal } = context;
  const deadline = clock.now().getTime() + PODS_MS;
  while (clock.now().getTime() < deadline) {
    const now = await runningPods(leaf, context);
    if (now && before.every((uid) => now.includes(uid))) return;
    await clock.sleep(100, signal);
  }
}
