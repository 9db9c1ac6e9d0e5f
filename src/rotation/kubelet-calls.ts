import { converse, type HostConversation } from '../kubernetes/https.js';
import { kubectlJson } from '../kubernetes/kubectl.js';
import type { WriteChange } from '../modules/host-change.js';
import type { ModuleContext } from '../modules/module.js';
import type { Clock } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import { joinScripts, sh } from '../values/shell.js';
import type { AuthorityPair, Generation } from './authorities.js';
import { letOwnThrough, quietMoment, withKubeletsHeld, type Held } from './kubelet-hold.js';
import { passingLeaf, signing } from './leaves.js';

/** What the calls after the change met. */
export interface KubeletCalls {
  readonly held: Held;
  /** Calls until kube-apiserver had read the leaf. */
  readonly untilRead: number;
  /** Whether one of these was what its connections were closed under; else it was somebody's. */
  readonly metClosing: boolean;
  /** Kubelets that answered the new leaf, and those that did not. */
  readonly answered: number;
  readonly failed: readonly string[];
}

/** How kube-apiserver is asked to call kubelets. */
export interface KubeletCaller {
  readonly pair: AuthorityPair;
  /** The CA of the leaf that is shown to it. */
  readonly as: Generation;
  /** Of kube-apiserver on its host. */
  readonly port: number;
}

/** client-go reads the files at most once a second (cachingCertificateLoader); with a margin. */
const READ_AGAIN_MS = 1_200;

/**
 * Puts the leaf in place that kube-apiserver shows to kubelets, and meets what that causes.
 *
 * kube-apiserver looks at the file at a new connection to a kubelet, at most once a second. When
 * it finds another leaf it closes every connection that it has to any kubelet, the new one
 * included (client-go, transport/cert_rotation.go): whatever is under way over them fails with
 * "use of closed network connection". So new connections are held until it must look again, the
 * file is renamed in a moment without traffic, and the next new connection is ours: an upgrade
 * request, which has a connection of its own, as exec does, to the kubelet of the host itself,
 * which is let through at that moment. It is repeated until it was seen to be closed. Plain calls
 * to every kubelet then see that the new leaf is accepted.
 *
 * @throws CaravanError verify: a kubelet refuses the leaf; one that does not answer is only told.
 */
export async function changeKubeletClientLeaf(
  change: WriteChange,
  { pair, as, port }: KubeletCaller,
  context: ModuleContext,
): Promise<KubeletCalls> {
  const { connection, clock, signal } = context;
  const by = signing(pair[as], `cluster ${as}`);
  const who = { commonName: 'caravan', organizations: ['system:masters'] };
  const leaf = passingLeaf(by, who, clock.now());
  const { nodes, near } = await findNodes(context);
  const server = await converse(connection, { port, leaf });
  try {
    const read = await withKubeletsHeld('from', context, async (held) => {
      if (held === 'held') await clock.sleep(READ_AGAIN_MS, signal);
      let reading: ReturnType<typeof callUntilRead> | undefined;
      await connection.writeFile(
        {
          ...change,
          beforeRename: joinScripts([quietMoment('dport = :10250'), letOwnThrough]),
          onRenamed: () => {
            reading = callUntilRead(server, near, clock);
          },
        },
        { signal },
      );
      return { held, ...((await reading) ?? { untilRead: 0, metClosing: false }) };
    });
    const failed: string[] = [];
    const refused: string[] = [];
    for (const node of nodes) {
      const { status } = await server.request({ path: healthOf(node) });
      if (status !== 200) failed.push(node);
      if (status === 401) refused.push(node);
    }
    if (refused.length > 0) throw refusal(refused, as);
    return { ...read, answered: nodes.length - failed.length, failed };
  } finally {
    server.close();
  }
}

function refusal(nodes: readonly string[], as: Generation): CaravanError {
  return new CaravanError(
    'verify',
    `The kubelets of ${nodes.join(', ')} refuse kube-apiserver's leaf of the ${as} CA (401).`,
    {
      hint: 'Put these nodes into the inventory; `caravan rotate --to` the state before goes back.',
    },
  );
}

/** The names of all nodes, and of the one that is this host (else of the first). */
async function findNodes({
  connection,
  signal,
}: ModuleContext): Promise<{ nodes: string[]; near: string }> {
  const { items } = await kubectlJson<{
    items: { metadata: { name: string }; status: { addresses: { address: string }[] } }[];
  }>(connection, ['get', 'nodes'], { signal });
  const addresses = items.flatMap((node) => node.status.addresses.map(({ address }) => address));
  const { stdout } = await connection.run(
    sh`for a in ${addresses}; do ip route get "$a" 2>/dev/null | grep -q '^local' && echo "$a"; done; true`,
    { become: true, signal },
  );
  const own = stdout.split('\n');
  const near = items.find((node) => node.status.addresses.some((a) => own.includes(a.address)));
  return {
    nodes: items.map(({ metadata }) => metadata.name),
    near: (near ?? items[0])?.metadata.name ?? '',
  };
}

const healthOf = (node: string): string => `/api/v1/nodes/${node}/proxy/healthz`;

/** Each call is answered with an error: the kubelet does not upgrade it, or its connection is closed. */
async function callUntilRead(
  server: HostConversation,
  node: string,
  clock: Clock,
): Promise<Pick<KubeletCalls, 'untilRead' | 'metClosing'>> {
  const end = clock.now().getTime() + READ_AGAIN_MS;
  const headers = { connection: 'Upgrade', upgrade: 'websocket' };
  for (let calls = 1; ; calls++) {
    const { body } = await server.request({ path: healthOf(node), headers });
    const metClosing = body.includes('use of closed network connection');
    if (metClosing || clock.now().getTime() > end) return { untilRead: calls, metClosing };
  }
}
