import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { API_PORT, POD_CIDR, SERVICE_CIDR } from './layout.js';
import type { LabHost } from './types.js';

/** What joins hosts to one cluster; all random, and gone an hour or a day later. */
export interface JoinSecrets {
  /** Bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`. */
  readonly token: string;
  /** Key that control planes' certificates are kept under in the cluster for two hours. */
  readonly certificateKey: string;
}

/** Fresh secrets. */
export function joinSecrets(): JoinSecrets {
  const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
  return { token: `${hex(3)}.${hex(8)}`, certificateKey: hex(32) };
}

const API_VERSION = 'kubeadm.k8s.io/v1beta4';

/** Checks of kubeadm that a container cannot pass, or that a small machine does not. */
const IGNORED = [
  'SystemVerification',
  'NumCPU',
  'Mem',
  'Swap',
  'FileContent--proc-sys-net-bridge-bridge-nf-call-iptables',
];

function nodeRegistration(host: LabHost): object {
  return {
    name: host.name,
    criSocket: 'unix:///run/containerd/containerd.sock',
    imagePullPolicy: 'Never',
    ignorePreflightErrors: IGNORED,
  };
}

/** `kubeadm init` configuration of the first control plane. Flags of API servers are kubeadm's own. */
export function initConfiguration(
  host: LabHost,
  about: {
    readonly kubernetes: string;
    readonly endpoint: string;
    readonly secrets: JoinSecrets;
    readonly systemdCgroup: boolean;
  },
): string {
  const documents = [
    {
      apiVersion: API_VERSION,
      kind: 'InitConfiguration',
      bootstrapTokens: [{ token: about.secrets.token, ttl: '24h0m0s' }],
      certificateKey: about.secrets.certificateKey,
      localAPIEndpoint: { advertiseAddress: host.address, bindPort: API_PORT },
      nodeRegistration: nodeRegistration(host),
    },
    {
      apiVersion: API_VERSION,
      kind: 'ClusterConfiguration',
      clusterName: 'caravan-lab',
      kubernetesVersion: about.kubernetes,
      controlPlaneEndpoint: about.endpoint,
      networking: { podSubnet: POD_CIDR, serviceSubnet: SERVICE_CIDR },
    },
    {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      cgroupDriver: about.systemdCgroup ? 'systemd' : 'cgroupfs',
      failSwapOn: false,
      // From 1.35 the kubelet refuses cgroup v1 unless told otherwise; 1.30 and older lack the word.
      ...(about.systemdCgroup ? {} : { failCgroupV1: false }),
    },
    {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      // The machine's limit cannot be set from a container's network namespace.
      conntrack: { maxPerCore: 0 },
    },
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}

/** `kubeadm join` configuration of a host, as a control plane or as a worker. */
export function joinConfiguration(
  host: LabHost,
  about: {
    readonly endpoint: string;
    readonly secrets: JoinSecrets;
    /** `sha256:` and the hex digest of the cluster CA's public key. */
    readonly caKeyHash: string;
  },
): string {
  return stringify({
    apiVersion: API_VERSION,
    kind: 'JoinConfiguration',
    discovery: {
      bootstrapToken: {
        apiServerEndpoint: about.endpoint,
        token: about.secrets.token,
        caCertHashes: [about.caKeyHash],
      },
    },
    nodeRegistration: nodeRegistration(host),
    ...(host.role === 'control_plane'
      ? {
          controlPlane: {
            certificateKey: about.secrets.certificateKey,
            localAPIEndpoint: { advertiseAddress: host.address, bindPort: API_PORT },
          },
        }
      : {}),
  });
}

/** haproxy.cfg with a `server` line for each control plane. */
export function balancerConfiguration(template: string, controlPlanes: readonly LabHost[]): string {
  const servers = controlPlanes.map((host) => `  server ${host.name} ${host.address}:${API_PORT}`);
  return template.replace('@SERVERS@', servers.join('\n'));
}
