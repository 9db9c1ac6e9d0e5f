/**
 * What kubeadm hosts hold of the certificate authorities that a rotation moves: each trust file
 * and each leaf once. Everything iterates this table; no path or flag is written twice.
 * Source: kubeadm's certificate list (cmd/kubeadm/app/phases/certs/certlist.go) and the flags
 * that `kubeadm init` writes into the static pod manifests.
 */

/** The authorities that can be rotated. */
export const AUTHORITY_NAMES = ['cluster', 'front-proxy'] as const;

/** One of {@link AUTHORITY_NAMES}. */
export type AuthorityName = (typeof AUTHORITY_NAMES)[number];

/** kubeadm's files of each authority, relative to the certificates folder. */
export const AUTHORITY_FILES: Readonly<
  Record<AuthorityName, { readonly certificate: string; readonly key: string }>
> = {
  cluster: { certificate: 'ca.crt', key: 'ca.key' },
  'front-proxy': { certificate: 'front-proxy-ca.crt', key: 'front-proxy-ca.key' },
};

/**
 * What an item says about the fleet: `trust` is a bundle that someone verifies with; `client` and
 * `server` are leaves that someone shows; `signer` is the one certificate that new client leaves
 * are signed with.
 */
export type Knob = 'trust' | 'client' | 'server' | 'signer';

/** The processes that read the items. */
export type Component = 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet';

/** Where an item stands on a host. */
export type Location =
  /** A PEM file named by a flag of a static pod; absent where the flag is. */
  | { readonly kind: 'flag'; readonly component: Component; readonly flag: string }
  /** The CA, or the client certificate, in the kubeconfig that a static pod's flag names. */
  | {
      readonly kind: 'flag-kubeconfig';
      readonly component: Component;
      readonly flag: string;
      readonly field: KubeconfigField;
    }
  /** The same in a kubeconfig at a fixed path; absent where the file is. */
  | { readonly kind: 'kubeconfig'; readonly path: string; readonly field: KubeconfigField }
  /** The file that the kubelet's configuration names as `authentication.x509.clientCAFile`. */
  | { readonly kind: 'kubelet-client-ca' }
  /** The kubelet's kubeconfig (`--kubeconfig`). */
  | { readonly kind: 'kubelet-kubeconfig'; readonly field: KubeconfigField };

/** The two certificates in a kubeconfig. */
export type KubeconfigField = 'certificateAuthority' | 'clientCertificate';

/** One trust file or leaf. */
export interface CatalogueItem {
  /** Unique; what matrix, gates and messages call it. */
  readonly name: string;
  readonly on: 'control_plane' | 'node';
  readonly authority: AuthorityName;
  readonly knob: Knob;
  readonly location: Location;
  /** The process that has read it at its start and must be restarted to read it again. */
  readonly readAtStartBy?: Component;
}

const flag = (component: Component, name: string): Location => ({
  kind: 'flag',
  component,
  flag: name,
});

function kubeconfigPair(
  name: string,
  on: CatalogueItem['on'],
  locate: (field: KubeconfigField) => Location,
  readAtStartBy?: Component,
): CatalogueItem[] {
  const shared = { on, authority: 'cluster', ...(readAtStartBy && { readAtStartBy }) } as const;
  return [
    {
      ...shared,
      name: `${name} CA`,
      knob: 'trust',
      location: locate('certificateAuthority'),
    },
    { ...shared, name: `${name} leaf`, knob: 'client', location: locate('clientCertificate') },
  ];
}

/** Every item, control planes first. */
export const CATALOGUE: readonly CatalogueItem[] = [
  {
    name: 'kube-apiserver client CA',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'trust',
    location: flag('kube-apiserver', 'client-ca-file'),
  },
  {
    name: 'kube-apiserver kubelet CA',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'trust',
    location: flag('kube-apiserver', 'kubelet-certificate-authority'),
  },
  {
    name: 'kube-apiserver front-proxy CA',
    on: 'control_plane',
    authority: 'front-proxy',
    knob: 'trust',
    location: flag('kube-apiserver', 'requestheader-client-ca-file'),
  },
  {
    name: 'kube-apiserver serving leaf',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'server',
    location: flag('kube-apiserver', 'tls-cert-file'),
  },
  {
    name: 'kube-apiserver kubelet client leaf',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'client',
    location: flag('kube-apiserver', 'kubelet-client-certificate'),
  },
  {
    name: 'front-proxy client leaf',
    on: 'control_plane',
    authority: 'front-proxy',
    knob: 'client',
    location: flag('kube-apiserver', 'proxy-client-cert-file'),
  },
  {
    name: 'root CA for service accounts',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'trust',
    location: flag('kube-controller-manager', 'root-ca-file'),
    readAtStartBy: 'kube-controller-manager',
  },
  {
    name: 'kube-controller-manager client CA',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'trust',
    location: flag('kube-controller-manager', 'client-ca-file'),
  },
  {
    name: 'kube-controller-manager front-proxy CA',
    on: 'control_plane',
    authority: 'front-proxy',
    knob: 'trust',
    location: flag('kube-controller-manager', 'requestheader-client-ca-file'),
  },
  {
    name: 'signer of client leaves',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'signer',
    location: flag('kube-controller-manager', 'cluster-signing-cert-file'),
  },
  ...kubeconfigPair(
    'kube-controller-manager kubeconfig',
    'control_plane',
    (field) => ({
      kind: 'flag-kubeconfig',
      component: 'kube-controller-manager',
      flag: 'kubeconfig',
      field,
    }),
    'kube-controller-manager',
  ),
  ...kubeconfigPair(
    'kube-scheduler kubeconfig',
    'control_plane',
    (field) => ({
      kind: 'flag-kubeconfig',
      component: 'kube-scheduler',
      flag: 'kubeconfig',
      field,
    }),
    'kube-scheduler',
  ),
  {
    name: 'kube-scheduler client CA',
    on: 'control_plane',
    authority: 'cluster',
    knob: 'trust',
    location: flag('kube-scheduler', 'client-ca-file'),
  },
  {
    name: 'kube-scheduler front-proxy CA',
    on: 'control_plane',
    authority: 'front-proxy',
    knob: 'trust',
    location: flag('kube-scheduler', 'requestheader-client-ca-file'),
  },
  ...['admin.conf', 'super-admin.conf'].flatMap((file) =>
    kubeconfigPair(file, 'control_plane', (field) => ({
      kind: 'kubeconfig',
      path: `/etc/kubernetes/${file}`,
      field,
    })),
  ),
  {
    name: 'kubelet client CA',
    on: 'node',
    authority: 'cluster',
    knob: 'trust',
    location: { kind: 'kubelet-client-ca' },
  },
  ...kubeconfigPair(
    'kubelet kubeconfig',
    'node',
    (field) => ({ kind: 'kubelet-kubeconfig', field }),
    'kubelet',
  ),
];
