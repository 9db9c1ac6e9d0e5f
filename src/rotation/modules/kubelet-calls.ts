import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { requestFromHost } from '../../kubernetes/https.js';
import { kubectlJson } from '../../kubernetes/kubectl.js';
import type { ModuleContext, TaskModule } from '../../modules/module.js';
import { issueClient } from '../../pki/issue.js';
import { newSerial } from '../../pki/serial.js';
import type { AuthorityStore } from '../authorities.js';
import { pairOf } from '../changes.js';
import { signing, validity } from '../leaves.js';

const input = z.strictObject({
  /** The CA of the leaf that makes the calls; servers accept it in the state at hand. */
  as: z.enum(['old', 'new']),
});

interface Seen {
  readonly calls: number;
  readonly failed: number;
}

/**
 * Calls every kubelet through the kube-apiserver of this host. When kube-apiserver sees that its
 * client leaf for kubelets changed, client-go closes the connections it has, and the next call over
 * each fails once ("use of closed network connection"). These calls meet that failure, so that no
 * `kubectl logs` or `exec` does.
 */
export function kubeletCalls(store: AuthorityStore): TaskModule<z.infer<typeof input>, Seen> {
  return {
    name: 'kubelet_calls',
    doc: 'Call every kubelet through this kube-apiserver, so that no user meets a connection that it just closed.',
    input,
    observe: async ({ as }, context) => {
      if (context.checkMode) return { calls: 0, failed: 0 };
      const by = signing(pairOf(await store.load(), 'cluster')[as], `cluster ${as}`);
      const { certificate, key } = issueClient({
        ...validity(context.clock.now(), 1, by.certificate),
        serial: newSerial(randomBytes),
        commonName: 'caravan',
        organizations: ['system:masters'],
        by,
        keyAlgorithm: 'ecdsa-p256',
      });
      const leaf = { certificate: certificate.pem, key };
      const nodes = await nodeNames(context);
      let failed = 0;
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all(
          nodes.map((node) =>
            requestFromHost(context.connection, {
              port: 6443,
              path: `/api/v1/nodes/${node}/proxy/healthz`,
              leaf,
            }),
          ),
        );
        failed += answers.filter(({ status }) => status !== 200).length;
      }
      return { calls: nodes.length * 3, failed };
    },
    check: ({ calls, failed }) => ({
      changes: [],
      reason: `${calls} calls, ${failed} met a closed connection`,
      result: { calls, failed },
    }),
    apply: () => Promise.resolve({ changed: false }),
  };
}

async function nodeNames({ connection, signal }: ModuleContext): Promise<string[]> {
  const { items } = await kubectlJson<{ items: { metadata: { name: string } }[] }>(
    connection,
    ['get', 'nodes'],
    { signal },
  );
  return items.map(({ metadata }) => metadata.name);
}
