import type { AuthorityName } from '../pki/catalogue.js';
import { readKubeconfig } from '../pki/kubeconfig.js';
import type { Connection } from '../transport/port.js';
import { kubectl, kubectlJson, type KubectlOptions } from './kubectl.js';

/** What sort of API object carries a CA, and so who must change it. */
export type TrustObjectKind =
  | 'kube-root-ca.crt'
  | 'service account token Secret'
  | 'cluster-info'
  | 'extension-apiserver-authentication'
  | 'caBundle';

/** A bundle in an API object. */
export interface TrustObject {
  readonly kind: TrustObjectKind;
  readonly authority: AuthorityName;
  /** `namespace/name`, or `resource/name` for what has no namespace. */
  readonly path: string;
  readonly pem: string;
  /** Where in the object, as a JSON pointer; only for `caBundle`. */
  readonly pointer?: string;
  /** Who is verified with it; only for `caBundle`. */
  readonly server?: BundleServer;
}

/** A server behind a `caBundle`: a service, whose port is 443 unless said, or a URL. */
export interface BundleServer {
  readonly url?: string;
  readonly service?: { readonly namespace: string; readonly name: string; readonly port?: number };
}

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}
interface List<T> {
  readonly items: readonly T[];
}
interface ConfigMap extends Named {
  readonly data?: Readonly<Record<string, string>>;
}
interface ClientConfig extends BundleServer {
  readonly caBundle?: string;
}
interface WithBundles extends Named {
  readonly kind: string;
  readonly webhooks?: readonly { readonly clientConfig?: ClientConfig }[];
  readonly spec?: ClientConfig & {
    readonly conversion?: { readonly webhook?: { readonly clientConfig?: ClientConfig } };
  };
}

type Reader = (connection: Connection, options: KubectlOptions) => Promise<TrustObject[]>;

const READERS: Readonly<Record<TrustObjectKind, Reader>> = {
  'kube-root-ca.crt': async (connection, options) => {
    const named = ['--field-selector', 'metadata.name=kube-root-ca.crt'];
    const maps = await kubectlJson<List<ConfigMap>>(
      connection,
      ['get', 'configmaps', '-A', ...named],
      options,
    );
    return maps.items.map((map) => cluster('kube-root-ca.crt', pathOf(map), map.data?.['ca.crt']));
  },
  'service account token Secret': async (connection, options) => {
    const tokens = ['--field-selector', 'type=kubernetes.io/service-account-token'];
    const row =
      'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.data.ca\\.crt}{"\\n"}{end}';
    const secrets = await kubectl(
      connection,
      ['get', 'secrets', '-A', ...tokens, '-o', row],
      options,
    );
    return secrets
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [path = '', data = ''] = line.split(' ');
        return cluster('service account token Secret', path, fromBase64(data));
      });
  },
  'cluster-info': async (connection, options) => {
    const named = ['-n', 'kube-public', '--field-selector', 'metadata.name=cluster-info'];
    const info = await kubectlJson<List<ConfigMap>>(
      connection,
      ['get', 'configmaps', ...named],
      options,
    );
    return info.items.map((map) =>
      cluster('cluster-info', pathOf(map), clusterInfoCa(map.data?.['kubeconfig'])),
    );
  },
  'extension-apiserver-authentication': async (connection, options) => {
    const kind = 'extension-apiserver-authentication';
    const { data } = await kubectlJson<ConfigMap>(
      connection,
      ['get', 'configmap', '-n', 'kube-system', kind],
      options,
    );
    const [clients, proxies] = ['client-ca-file', 'requestheader-client-ca-file'] as const;
    return [
      cluster(kind, clients, data?.[clients]),
      { kind, authority: 'front-proxy', path: proxies, pem: data?.[proxies] ?? '' },
    ];
  },
  caBundle: async (connection, options) => {
    const kinds =
      'validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices,customresourcedefinitions';
    const bundles = await kubectlJson<List<WithBundles>>(connection, ['get', kinds], options);
    return bundles.items.flatMap(bundlesOf);
  },
};

/** The kinds that there are. */
export const TRUST_OBJECT_KINDS = Object.keys(READERS) as [TrustObjectKind, ...TrustObjectKind[]];

/** Reads every API object of these kinds that carries a CA in a known place. Tokens are never read. */
export async function readTrustObjects(
  kinds: readonly TrustObjectKind[],
  connection: Connection,
  signal?: AbortSignal,
): Promise<TrustObject[]> {
  const options = signal ? { signal } : {};
  const found = await Promise.all(kinds.map((kind) => READERS[kind](connection, options)));
  return found.flat();
}

const pathOf = ({ metadata }: Named): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const fromBase64 = (data: string): string => Buffer.from(data, 'base64').toString('utf8');

function cluster(kind: TrustObjectKind, path: string, pem = ''): TrustObject {
  return { kind, authority: 'cluster', path, pem };
}

function clusterInfoCa(kubeconfig = ''): string {
  const held = readKubeconfig(kubeconfig).current.cluster?.certificateAuthority;
  return held && 'pem' in held ? held.pem : '';
}

function bundlesOf(object: WithBundles): TrustObject[] {
  const held: [string, ClientConfig | undefined][] = [
    ['/spec/caBundle', object.spec],
    [
      '/spec/conversion/webhook/clientConfig/caBundle',
      object.spec?.conversion?.webhook?.clientConfig,
    ],
    ...(object.webhooks ?? []).map((hook, i): [string, ClientConfig | undefined] => [
      `/webhooks/${i}/clientConfig/caBundle`,
      hook.clientConfig,
    ]),
  ];
  return held.flatMap(([pointer, { caBundle, url, service } = {}]) =>
    caBundle === undefined || caBundle === ''
      ? []
      : [
          {
            kind: 'caBundle' as const,
            authority: 'cluster' as const,
            path: `${object.kind.toLowerCase()}/${object.metadata.name}`,
            pem: fromBase64(caBundle),
            pointer,
            server: { ...(url !== undefined && { url }), ...(service && { service }) },
          },
        ],
  );
}
