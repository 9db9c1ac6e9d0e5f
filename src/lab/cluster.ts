import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { isUnifiedCgroup } from './cgroup.js';
import {
  balancerConfiguration,
  initConfiguration,
  joinConfiguration,
  joinSecrets,
} from './kubeadm.js';
import { API_PORT } from './layout.js';
import { DATA_FOLDER } from './places.js';
import { step, together, tryProgram } from './program.js';
import { onHost, provisionScript, tryOnHost, until } from './ssh.js';
import type { LabContext, LabDescription, LabHost } from './types.js';

/** The part of a lab's description that SSH to its hosts needs. */
type Lab = Pick<LabDescription, 'knownHosts' | 'privateKey' | 'hosts' | 'kubernetes' | 'balancer'>;

const KUBEADM_FILE = '/etc/caravan-lab/kubeadm.yaml';
const WRITE_KUBEADM_FILE = `umask 077; cat >${KUBEADM_FILE}`;
const ADMIN_KUBECTL = 'kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout 10s';

/** The first control plane; it forms the cluster. */
export function firstControlPlane(lab: Pick<LabDescription, 'hosts'>): LabHost {
  const host = lab.hosts.find((one) => one.role === 'control_plane');
  if (host === undefined) throw new CaravanError('bug', 'a lab without a control plane');
  return host;
}

/** Makes a cluster of booted hosts, and waits until all nodes are Ready and DNS answers. */
export async function formCluster(ctx: LabContext, lab: Lab): Promise<void> {
  const first = firstControlPlane(lab);
  const secrets = joinSecrets();
  const endpoint = `${lab.balancer.address}:${API_PORT}`;
  await step(ctx, 'set the balancer up', () => setUpBalancer(ctx, lab));
  await step(ctx, `kubeadm init on ${first.name}`, async () => {
    const config = initConfiguration(first, {
      kubernetes: lab.kubernetes,
      endpoint,
      secrets,
      systemdCgroup: isUnifiedCgroup(),
    });
    await onHost(ctx, lab, first, WRITE_KUBEADM_FILE, { input: new Secret(config) });
    const script = await provisionScript('control-plane-init.sh');
    await onHost(ctx, lab, first, script, { timeoutMs: 300_000 });
  });
  const ca = await onHost(ctx, lab, first, 'cat /etc/kubernetes/pki/ca.crt');
  const about = { endpoint, secrets, caKeyHash: publicKeyHash(ca) };
  const nodes = lab.hosts.filter((host) => host.role !== 'balancer');
  const joining = nodes.filter((host) => host !== first);
  await step(
    ctx,
    `kubeadm join on ${joining.map((host) => host.name).join(', ')}`,
    async (line) => {
      const script = await provisionScript('join.sh');
      await together(ctx, joining, async (host, inner) => {
        const config = new Secret(joinConfiguration(host, about));
        await onHost(inner, lab, host, WRITE_KUBEADM_FILE, { input: config });
        await onHost(inner, lab, host, script, { timeoutMs: 300_000 });
        line(host.name);
      });
    },
  );
  await step(ctx, 'connect the pods', () => connectPods(ctx, lab, nodes));
  await step(ctx, 'wait until all nodes are Ready', () =>
    until(ctx, 'all nodes to be Ready', 180_000, async () => {
      const ready = await readyNodes(ctx, lab, first);
      return nodes.every((host) => ready.includes(host.name));
    }),
  );
  await step(ctx, 'wait for cluster DNS', () =>
    onHost(
      ctx,
      lab,
      first,
      `${ADMIN_KUBECTL} --request-timeout 0 -n kube-system rollout status deployment/coredns --timeout=120s`,
      { timeoutMs: 150_000 },
    ),
  );
}

async function setUpBalancer(ctx: LabContext, lab: Lab): Promise<void> {
  const balancer = lab.hosts.find((host) => host.role === 'balancer');
  if (balancer === undefined) throw new CaravanError('bug', 'a lab without a balancer');
  const template = await readFile(path.join(DATA_FOLDER, 'haproxy.cfg'), 'utf8');
  const controlPlanes = lab.hosts.filter((host) => host.role === 'control_plane');
  const input = balancerConfiguration(template, controlPlanes);
  await onHost(ctx, lab, balancer, await provisionScript('balancer.sh'), { input });
}

/** Digest of a CA's public key, as `kubeadm join` checks it. */
export function publicKeyHash(pem: string): string {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly podCIDR?: string };
    readonly status: { readonly conditions?: readonly { type: string; status: string }[] };
  }[];
}

async function nodeList(ctx: LabContext, lab: Lab, from: LabHost): Promise<NodeList | undefined> {
  // Not through the balancer, which may be what does not run.
  const asked = `${ADMIN_KUBECTL} --server https://${from.address}:${API_PORT} get nodes -o json`;
  const result = await tryOnHost(ctx, lab, from, asked, { timeoutMs: 15_000 });
  return result.code === 0 ? (JSON.parse(result.stdout) as NodeList) : undefined;
}

/**
 * Waits until the kubelets of hosts that were started again are healthy: for 40 seconds after a
 * power cut, the API still calls such a node Ready.
 */
export async function waitForKubelets(
  ctx: LabContext,
  lab: Lab,
  hosts: readonly LabHost[],
): Promise<void> {
  const nodes = hosts.filter((host) => host.role !== 'balancer');
  await together(ctx, nodes, (host, inner) =>
    until(inner, `the kubelet of ${host.name}`, 60_000, async () => {
      const healthz = 'curl --silent --fail http://127.0.0.1:10248/healthz';
      return (await tryOnHost(inner, lab, host, healthz, { timeoutMs: 15_000 })).code === 0;
    }),
  );
}

/** Names of the nodes that are Ready, asked on a control plane; none where it does not answer. */
export async function readyNodes(ctx: LabContext, lab: Lab, from: LabHost): Promise<string[]> {
  const list = await nodeList(ctx, lab, from);
  return (list?.items ?? [])
    .filter((node) =>
      node.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
    )
    .map((node) => node.metadata.name);
}

/** Gives each host the network of its own pods, and the way to those of all others. */
async function connectPods(ctx: LabContext, lab: Lab, nodes: readonly LabHost[]): Promise<void> {
  const cidrs = new Map<string, string>();
  await until(ctx, 'every node to have a pod CIDR', 60_000, async () => {
    const list = await nodeList(ctx, lab, firstControlPlane(lab));
    for (const { metadata, spec } of list?.items ?? []) {
      if (spec.podCIDR !== undefined) cidrs.set(metadata.name, spec.podCIDR);
    }
    return nodes.every((host) => cidrs.has(host.name));
  });
  const script = await provisionScript('pod-network.sh');
  await together(ctx, lab.hosts, async (host, inner) => {
    const input = podRoutes(host, nodes, cidrs);
    await onHost(inner, lab, host, script, { input, words: [cidrs.get(host.name) ?? '-'] });
  });
}

/** Routes of one host to the pods of the others, a line each. */
export function podRoutes(
  host: LabHost,
  nodes: readonly LabHost[],
  cidrs: ReadonlyMap<string, string>,
): string {
  return nodes
    .filter((other) => other.name !== host.name)
    .map((other) => `${cidrs.get(other.name) ?? ''} via ${other.address}\n`)
    .join('');
}

/** The administrator's kubeconfig as it stands on a control plane now. */
export async function adminKubeconfig(ctx: LabContext, lab: Lab): Promise<string> {
  return onHost(ctx, lab, firstControlPlane(lab), 'cat /etc/kubernetes/admin.conf');
}

/** Whether a kubeconfig of the operator opens the API through the balancer. */
export async function kubeconfigWorks(ctx: LabContext, lab: LabDescription): Promise<boolean> {
  const asked = ['get', '--raw', '/readyz', '--request-timeout', '10s'];
  const result = await tryProgram(ctx, [lab.kubectl, '--kubeconfig', lab.kubeconfig, ...asked]);
  return result.code === 0;
}
