import { requestFromHost } from '../kubernetes/https.js';
import { applyHostChanges, type HostChange } from '../modules/host-change.js';
import type { ModuleContext } from '../modules/module.js';
import { readKubeconfig } from '../pki/kubeconfig.js';
import { CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import type { AuthorityStore, Generation } from './authorities.js';
import { pairOf } from './changes.js';
import { nodeNameOf, readProcesses, type HostSurvey } from './host-survey.js';
import { quietMoment, withKubeletsHeld } from './kubelet-hold.js';
import { passingLeaf, type ClientLeaf } from './leaves.js';

/** A kubelet that is healthy answers 404 for pods that it has not read yet: this long is waited. */
const PODS_MS = 10_000;

/**
 * Restarts the kubelet of a host in a moment without traffic, with new connections to it held,
 * and sees it back.
 *
 * @throws CaravanError verify: it is not healthy, or not heard by kube-apiserver, in time.
 */
export async function restartKubelet(
  survey: HostSurvey,
  store: AuthorityStore,
  { as, within }: { readonly as: Generation; readonly within: number },
  context: ModuleContext,
): Promise<void> {
  const seenAgain = await watchRestart(survey, store, as, context);
  const held = await withKubeletsHeld('to', context, async (how) => {
    await applyHostChanges([RESTART], context);
    await seenAgain(within);
    return how;
  });
  context.record('restarts', [{ component: 'kubelet', host: context.host.name, held }]);
}

/** What {@link restartKubelet} does, for a dry run to show. */
export const RESTART: HostChange = {
  kind: 'run',
  summary: 'restart kubelet, which has not read its files',
  script: sh`${quietMoment('sport = :10250')}
systemctl restart kubelet`,
};

/**
 * Looks at a kubelet before its restart, and gives the function that waits until it is seen to be
 * back: started again, healthy, with the pods that it knew before, and heard by kube-apiserver through
 * the kubeconfig that it has now read. What it or kube-apiserver did not say before the restart is
 * not waited for after it: a host step must work while the API is down.
 */
async function watchRestart(
  survey: HostSurvey,
  store: AuthorityStore,
  as: Generation,
  context: ModuleContext,
): Promise<(withinSeconds: number) => Promise<void>> {
  const { connection, clock, signal } = context;
  const leaf = await askingLeaf(store, as, context);
  const pods = leaf && (await knownPods(leaf, context));
  const lease = leaf && (await leaseRenewed(survey, leaf, context));
  const { now: since } = await readProcesses(connection, signal);
  return async (within) => {
    const until = clock.now().getTime() + within * 1000;
    const wait = async (seen: () => Promise<boolean>, end: number): Promise<boolean> => {
      while (clock.now().getTime() < end) {
        if (await seen()) return true;
        await clock.sleep(100, signal);
      }
      return false;
    };
    const isHealthy = async (): Promise<boolean> => {
      const { kubelet } = (await readProcesses(connection, signal)).startedAt;
      return kubelet !== undefined && kubelet > since && (await health(context)) === 200;
    };
    if (!(await wait(isHealthy, until))) throw notBack(context, within, 'not healthy');
    if (leaf && pods) {
      const hasPods = async (): Promise<boolean> => {
        const now = await knownPods(leaf, context);
        return now !== undefined && pods.every((name) => now.includes(name));
      };
      // A pod that has gone meanwhile does not come back: this ends, and is no failure.
      await wait(hasPods, clock.now().getTime() + PODS_MS);
    }
    if (leaf && lease !== undefined) {
      const isHeard = async (): Promise<boolean> =>
        ((await leaseRenewed(survey, leaf, context)) ?? 0) > since;
      const heard = await wait(isHeard, until);
      if (!heard) throw notBack(context, within, 'its node lease was not renewed');
    }
  };
}

function notBack({ host }: ModuleContext, within: number, what: string): CaravanError {
  return new CaravanError('verify', `Restarted kubelet: ${what} within ${within} s.`, {
    host: host.name,
    hint: 'See `journalctl -u kubelet` on the host, then run the same command again.',
  });
}

/** The status of kubelet's own health port, plain HTTP on the loopback of the host. */
async function health({ connection }: ModuleContext): Promise<number | undefined> {
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

/** A leaf that may ask everything; undefined where the key of the CA is not on the controller. */
async function askingLeaf(
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
  readonly metadata: { readonly namespace: string; readonly name: string };
}

/** Names of the pods that the kubelet knows; undefined where it does not say. */
async function knownPods(
  leaf: ClientLeaf,
  { connection }: ModuleContext,
): Promise<readonly string[] | undefined> {
  const { status, body } = await requestFromHost(connection, { port: 10250, path: '/pods', leaf });
  if (status !== 200) return undefined;
  const { items } = JSON.parse(body) as { items: readonly Pod[] | null };
  return (items ?? []).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

/**
 * When the kubelet last renewed the lease of its node, in seconds since 1970 by its own clock.
 * Asked of the kube-apiserver that its kubeconfig names; undefined where that does not say.
 */
async function leaseRenewed(
  survey: HostSurvey,
  leaf: ClientLeaf,
  { connection }: ModuleContext,
): Promise<number | undefined> {
  const node = nodeNameOf(survey);
  const kubeconfig = survey.files[survey.kubeletKubeconfig]?.text;
  const server = kubeconfig && readKubeconfig(kubeconfig).current.cluster?.server;
  if (node === undefined || !server) return undefined;
  const { hostname, port } = new URL(server);
  const { status, body } = await requestFromHost(connection, {
    address: hostname.replace(/^\[(.*)\]$/, '$1'), // of IPv6
    port: Number(port || 443),
    path: `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`,
    leaf,
  });
  if (status !== 200) return undefined;
  const { spec } = JSON.parse(body) as { spec: { renewTime: string } };
  return Date.parse(spec.renewTime) / 1000;
}
