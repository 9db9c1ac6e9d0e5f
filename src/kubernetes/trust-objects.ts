import type { AuthorityName } from '../pki/catalogue.js';
import { readKubeconfig } from '../pki/kubeconfig.js';
import type { Connection } from '../transport/port.js';
import { kubectl, kubectlJson } from './kubectl.js';

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

/** Reads every API object that carries a CA in a known place. Tokens are never read. */
export async function readTrustObjects(
  connection: Connection,
  signal?: AbortSignal,
): Promise<TrustObject[]> {
  const options = signal ? { signal } : {};
  const maps = await kubectlJson<List<ConfigMap>>(
    connection,
    ['get', 'configmaps', '-A', '--field-selector', 'metadata.name=kube-root-ca.crt'],
    options,
  );
  const secrets = await kubectl(
    connection,
    [
      'get',
      'secrets',
      '-A',
      '--field-selector',
      'type=kubernetes.io/service-account-token',
      '-o',
      'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.data.ca\\.crt}{"\\n"}{end}',
    ],
    options,
  );
  const info = await kubectlJson<List<ConfigMap>>(
    connection,
    ['get', 'configmaps', '-n', 'kube-public', '--field-selector', 'metadata.name=cluster-info'],
    options,
  );
  const auth = await kubectlJson<ConfigMap>(
    connection,
    ['get', 'configmap', '-n', 'kube-system', 'extension-apiserver-authentication'],
    options,
  );
  const bundles = await kubectlJson<List<WithBundles>>(
    connection,
    [
      'get',
      'validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices,customresourcedefinitions',
    ],
    options,
  );
  return [
    ...maps.items.map((map) => cluster('kube-root-ca.crt', pathOf(map), map.data?.['ca.crt'])),
    ...secrets
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [path = '', data = ''] = line.split(' ');
        return cluster('service account token Secret', path, fromBase64(data));
      }),
    ...info.items.map((map) =>
      cluster('cluster-info', pathOf(map), clusterInfoCa(map.data?.['kubeconfig'])),
    ),
    cluster('extension-apiserver-authentication', 'client-ca-file', auth.data?.['client-ca-file']),
    {
      kind: 'extension-apiserver-authentication',
      authority: 'front-proxy',
      path: 'requestheader-client-ca-file',
      pem: auth.data?.['requestheader-client-ca-file'] ?? '',
    },
    ...bundles.items.flatMap(bundlesOf),
  ];
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
