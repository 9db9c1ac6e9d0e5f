import { isIP } from 'node:net';
import * as z from 'zod';
import { requestFromHost, type HostRequest } from '../../kubernetes/https.js';
import { kubectl } from '../../kubernetes/kubectl.js';
import {
  readTrustObjects,
  type BundleServer,
  type TrustObject,
} from '../../kubernetes/trust-objects.js';
import type { ModuleContext, TaskModule } from '../../modules/module.js';
import { fromDer, parseCertificates, signedBy, type Certificate } from '../../pki/certificate.js';
import { isOurs, wantedPem } from '../api-places.js';
import type { AuthorityStore } from '../authorities.js';

const input = z.strictObject({ holds: z.enum(['old', 'both', 'new']) });

interface Seen {
  /** Servers that would not be believed any more, in words. */
  readonly cutOff: readonly string[];
}

/**
 * Looks at what webhooks, aggregated API servers and CRD conversions show whose `caBundle` holds
 * the cluster's CA. Their leaves are their owners': one of the CA that is dropped would make every
 * request fail that Kubernetes sends through them, so that is refused before anything changes.
 */
export function bundleServers(store: AuthorityStore): TaskModule<z.infer<typeof input>, Seen> {
  return {
    name: 'bundle_servers',
    doc: 'See that who is verified with a caBundle shows a leaf that it will hold the CA of.',
    input,
    observe: async ({ holds }, context) => {
      if (holds === 'both') return { cutOff: [] };
      const authorities = await store.load();
      const cutOff: string[] = [];
      const { connection, signal } = context;
      for (const object of await readTrustObjects(['caBundle'], connection, signal)) {
        if (!isOurs(object, authorities)) continue;
        const bundle = parseCertificates(wantedPem(object, authorities, holds));
        const problem = await problemOf(object, bundle, context);
        if (problem !== undefined) cutOff.push(`${object.path}: ${problem}`);
      }
      return { cutOff };
    },
    check: ({ cutOff }, { holds }) => ({
      changes: [],
      reason: 'who is verified with a caBundle can be with what it will hold',
      ...(cutOff.length > 0 && {
        failure: {
          kind: 'gate' as const,
          message: `With trust in the ${holds} CA alone, kube-apiserver would not believe: ${cutOff.join('; ')}.`,
          hint: `Give each a leaf of the ${holds} CA (a CSR is signed by it by now), or a caBundle of a CA of its own; start what does not answer, or delete what nothing serves any more; then run the same command again.`,
        },
      }),
    }),
    apply: () => Promise.resolve({ changed: false }),
  };
}

async function problemOf(
  { server = {} }: TrustObject,
  bundle: readonly Certificate[],
  context: ModuleContext,
): Promise<string | undefined> {
  const place = await placeOf(server, context);
  if (place === undefined) return `where ${nameOf(server)} is cannot be told`;
  const { chain, error } = await requestFromHost(context.connection, { ...place, path: '/' });
  const shown = chain.map(fromDer);
  const [leaf] = shown;
  if (leaf === undefined) return `${nameOf(server)} shows no leaf (${error ?? 'no answer'})`;
  if (isBelieved(shown, bundle)) return undefined;
  return `${nameOf(server)} shows a leaf issued by ${leaf.issuer}`;
}

/** Whether a bundle holds what a chain begins with, or who signed any of it. */
export function isBelieved(shown: readonly Certificate[], bundle: readonly Certificate[]): boolean {
  return bundle.some((ca) =>
    shown.some((one) => one.fingerprintSha256 === ca.fingerprintSha256 || signedBy(one, ca)),
  );
}

const nameOf = ({ url, service }: BundleServer): string =>
  url ?? (service ? `service ${service.namespace}/${service.name}` : 'its server');

/** Where kube-apiserver, in the network of its host, reaches it. */
async function placeOf(
  { url, service }: BundleServer,
  { connection, signal }: ModuleContext,
): Promise<Pick<HostRequest, 'address' | 'port' | 'servername'> | undefined> {
  if (url !== undefined) {
    const { hostname, port } = new URL(url);
    const address = hostname.replace(/^\[(.*)\]$/, '$1'); // of IPv6
    const name = isIP(address) === 0 ? { servername: address } : {}; // an address is no name
    return { address, port: Number(port || 443), ...name };
  }
  if (service === undefined) return undefined;
  const { namespace, name, port = 443 } = service;
  const of = ['get', 'service', '-n', namespace, name, '--ignore-not-found'];
  const found = await kubectl(connection, [...of, '-o', 'jsonpath={.spec.clusterIP}'], { signal });
  const address = found.trim();
  if (address === '' || address === 'None') return undefined;
  return { address, port, servername: `${name}.${namespace}.svc` };
}
