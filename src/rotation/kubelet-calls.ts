import { requestFromHost } from '../kubernetes/https.js';
import { kubectlJson } from '../kubernetes/kubectl.js';
import type { ModuleContext } from '../modules/module.js';
import type { AuthorityPair, Generation } from './authorities.js';
import { passingLeaf, signing } from './leaves.js';

/** What the calls met. */
export interface KubeletCalls {
  readonly calls: number;
  readonly failed: number;
}

const ROUNDS = 3;

/**
 * Gets ready to call every kubelet through the kube-apiserver of this host, and gives the function
 * that does it.
 *
 * kube-apiserver reads its client leaf for kubelets again at its next new connection to one, and
 * then closes every connection it has to any of them, that one included (client-go,
 * transport/cert_rotation.go): the next call over each fails once with "use of closed network
 * connection". So right after the leaf changed, one call that needs a connection of its own (it
 * asks for an upgrade, as exec does) makes that happen, and plain calls to every kubelet meet the
 * closed connections before a `kubectl logs` or `exec` does.
 */
export async function prepareKubeletCalls(
  pair: AuthorityPair,
  as: Generation,
  context: ModuleContext,
): Promise<() => Promise<KubeletCalls>> {
  const { connection, clock, signal } = context;
  const by = signing(pair[as], `cluster ${as}`);
  const who = { commonName: 'caravan', organizations: ['system:masters'] };
  const leaf = passingLeaf(by, who, clock.now());
  const { items } = await kubectlJson<{ items: { metadata: { name: string } }[] }>(
    connection,
    ['get', 'nodes'],
    { signal },
  );
  const call = async (node: string, headers?: Record<string, string>): Promise<boolean> => {
    const path = `/api/v1/nodes/${node}/proxy/healthz`;
    const answer = await requestFromHost(connection, {
      port: 6443,
      path,
      leaf,
      ...(headers && { headers }),
    });
    return answer.status === 200;
  };
  return async () => {
    const [first] = items;
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket' };
    const met = first ? [await call(first.metadata.name, upgrade)] : [];
    for (let round = 0; round < ROUNDS; round++) {
      met.push(...(await Promise.all(items.map(({ metadata }) => call(metadata.name)))));
    }
    return { calls: met.length, failed: met.filter((ok) => !ok).length };
  };
}
