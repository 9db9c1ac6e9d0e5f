import { copyFile, mkdir, rename, writeFile, chmod } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { Credentials } from './credentials.js';
import type { HostRole, LabDescription, LabHost } from './types.js';

/** hosts.yml: the lab as an ordinary Ansible inventory. */
export function inventoryText(
  lab: Pick<LabDescription, 'hosts' | 'privateKey' | 'knownHosts'>,
): string {
  const group = (role: HostRole): object => ({
    hosts: Object.fromEntries(
      lab.hosts
        .filter((host: LabHost) => host.role === role)
        .map((host) => [host.name, { ansible_host: host.address }]),
    ),
  });
  const inventory = {
    all: {
      vars: {
        ansible_user: 'ops',
        ansible_become: true,
        ansible_ssh_private_key_file: lab.privateKey,
        ansible_ssh_common_args: `-o UserKnownHostsFile=${lab.knownHosts}`,
      },
      children: {
        control_plane: group('control_plane'),
        workers: group('worker'),
        balancer: group('balancer'),
      },
    },
  };
  return `# Written by \`caravan lab up\`, and again by the next one.\n${stringify(inventory)}`;
}

/** Writes the inventory, its known hosts, the key and, where given, the kubeconfig. */
export async function writeInventory(
  lab: LabDescription,
  credentials: Credentials,
  kubeconfig?: string,
): Promise<void> {
  await mkdir(lab.inventoryFolder, { recursive: true });
  await put(lab.inventory, inventoryText(lab), 0o644);
  await put(lab.knownHosts, credentials.knownHosts, 0o644);
  await copyFile(credentials.privateKey, `${lab.privateKey}.new`);
  await chmod(`${lab.privateKey}.new`, 0o600);
  await rename(`${lab.privateKey}.new`, lab.privateKey);
  if (kubeconfig !== undefined) await put(lab.kubeconfig, kubeconfig, 0o600);
}

/** Writes a file whole or not at all. */
export async function put(file: string, text: string, mode: number): Promise<void> {
  const beside = path.join(path.dirname(file), `.${path.basename(file)}.new`);
  await writeFile(beside, text, { mode });
  await chmod(beside, mode);
  await rename(beside, file);
}
