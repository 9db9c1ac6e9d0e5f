import * as z from 'zod';
import { requestFromHost, type HostResponse } from '../../kubernetes/https.js';
import type { ModuleContext, TaskModule } from '../../modules/module.js';
import type { AuthorityName } from '../../pki/catalogue.js';
import { fromDer, signedBy } from '../../pki/certificate.js';
import { readFlags } from '../../pki/static-pod.js';
import { CaravanError } from '../../values/error.js';
import type { Authorities, AuthorityPair, AuthorityStore, Generation } from '../authorities.js';
import { pairOf } from '../changes.js';
import { apiServerPort, readHostSurvey } from '../host-survey.js';
import { passingLeaf, signing } from '../leaves.js';
import type { Holds } from '../states.js';

const input = z.strictObject({
  holds: z.enum(['old', 'both', 'new']),
  servers: z.enum(['old', 'both', 'new']),
  /** How long the API server gets to reload its files, in seconds. */
  within: z.number().positive().default(60),
});

type Input = z.infer<typeof input>;

interface Seen {
  /** What is not as it must be; empty when the running process is seen to be right. */
  readonly wrong: readonly string[];
}

/**
 * Looks at the running kube-apiserver of a host, never at its files: a canary leaf of each CA must
 * be accepted or refused, and the leaf served must be of the wanted CA. kube-apiserver reloads all
 * of these without a restart; this waits until it is seen.
 */
export function apiServerProof(store: AuthorityStore): TaskModule<Input, Seen> {
  return {
    name: 'api_server_proof',
    doc: 'See that the running kube-apiserver accepts and shows what the state says, with canary leaves.',
    input,
    observe: async (wanted, context) => {
      if (context.checkMode) return { wrong: [] }; // it runs as it did before
      const authorities = await store.load();
      const deadline = context.clock.now().getTime() + wanted.within * 1000;
      for (;;) {
        const wrong = await whatIsWrong(wanted, authorities, context);
        if (wrong.length === 0 || context.clock.now().getTime() > deadline) {
          return { wrong };
        }
        await context.clock.sleep(200, context.signal);
      }
    },
    check: ({ wrong }, { within }) => ({
      changes: [],
      reason: 'seen on the running process',
      ...(wrong.length > 0 && {
        failure: {
          kind: 'verify' as const,
          message: `kube-apiserver after ${within} s: ${wrong.join('; ')}.`,
          hint: 'See its log on the host. `caravan rotate --to` the state before goes back.',
        },
      }),
    }),
    apply: () => Promise.resolve({ changed: false }),
  };
}

async function whatIsWrong(
  { holds, servers }: Input,
  authorities: Authorities,
  context: ModuleContext,
): Promise<string[]> {
  const endpoint = await endpointNow(context);
  const wrong: string[] = [];
  for (const name of ['cluster', 'front-proxy'] as const) {
    if (!authorities[name]) continue;
    const pair = pairOf(authorities, name);
    for (const generation of ['old', 'new'] as const) {
      if (!pair[generation]) continue;
      const accepted = holds === 'both' || holds === generation;
      const { status, error } = await canary(name, pair, generation, endpoint, context);
      const got = status ?? error ?? 'nothing';
      if (accepted && status !== 200)
        wrong.push(`a leaf of the ${generation} ${name} CA gets ${got}, not 200`);
      if (!accepted && status !== 401)
        wrong.push(`a leaf of the ${generation} ${name} CA gets ${got}, not 401`);
    }
  }
  wrong.push(...(await wrongServer(pairOf(authorities, 'cluster'), servers, endpoint, context)));
  return wrong;
}

/** Where a kube-apiserver listens, and whom it takes for a front-proxy that speaks of whom. */
interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly proxyName: string;
  readonly userHeader: string;
  readonly groupHeader: string;
}

async function endpointNow({ connection, signal }: ModuleContext): Promise<Endpoint> {
  const survey = await readHostSurvey(connection, signal);
  const manifest = survey.manifests['kube-apiserver'];
  if (manifest === undefined) {
    throw new CaravanError('verify', 'No kube-apiserver manifest is on this control plane.');
  }
  return endpointOf(manifest);
}

/** Where flags that list names have several, or none, the first will do, or kubeadm's. */
export function endpointOf(manifest: string): Endpoint {
  const { flags } = readFlags(manifest);
  const first = (flag: string, usual: string): string =>
    flags.get(flag)?.split(',')[0]?.trim() || usual;
  return {
    address: flags.get('advertise-address') ?? '127.0.0.1',
    port: apiServerPort({ 'kube-apiserver': manifest }),
    proxyName: first('requestheader-allowed-names', 'front-proxy-client'),
    userHeader: first('requestheader-username-headers', 'X-Remote-User'),
    groupHeader: first('requestheader-group-headers', 'X-Remote-Group'),
  };
}

/**
 * A request with a fresh, short-lived leaf. `/version` is open to every known user, and a leaf
 * that is not trusted gets 401 even where anonymous access is on. For the front-proxy the leaf
 * has an allowed name and speaks for a user in a header.
 */
function canary(
  name: AuthorityName,
  pair: AuthorityPair,
  generation: Generation,
  endpoint: Endpoint,
  { connection, clock }: ModuleContext,
): Promise<HostResponse> {
  const by = signing(pair[generation], `${name} ${generation}`);
  const commonName = name === 'front-proxy' ? endpoint.proxyName : 'caravan-canary';
  return requestFromHost(connection, {
    ...endpoint,
    path: '/version',
    leaf: passingLeaf(by, { commonName, organizations: [] }, clock.now()),
    ...(name === 'front-proxy' && {
      headers: {
        [endpoint.userHeader]: 'caravan-canary',
        [endpoint.groupHeader]: 'system:authenticated',
      },
    }),
  });
}

async function wrongServer(
  pair: AuthorityPair,
  servers: Holds,
  endpoint: Endpoint,
  { connection }: ModuleContext,
): Promise<string[]> {
  const { chain, error } = await requestFromHost(connection, { ...endpoint, path: '/version' });
  const [leaf, ...rest] = chain.map(fromDer);
  if (!leaf) return [`no leaf is served (${error ?? 'no answer'})`];
  const issuer = servers === 'old' ? pair.old : pair.new;
  if (!issuer || !signedBy(leaf, issuer.certificate)) {
    return [
      `the leaf served is issued by ${leaf.issuer}, not by the ${servers === 'old' ? 'old' : 'new'} CA`,
    ];
  }
  const bridged = rest.some((ca) => signedBy(ca, pair.old.certificate));
  if (servers === 'both' && !bridged) return ['the cross-certificate is not served'];
  if (servers === 'new' && bridged) return ['the cross-certificate is still served'];
  return [];
}
