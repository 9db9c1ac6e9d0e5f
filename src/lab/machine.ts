import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { labProcesses } from './cgroup.js';
import type { Credentials } from './credentials.js';
import { CONTROLLER_ADDRESS, etcHosts } from './layout.js';
import { DATA_FOLDER, hostFolder } from './places.js';
import { program } from './program.js';
import { copyContainerd } from './template.js';
import type { Template } from './template.js';
import type { LabContext, LabHost } from './types.js';

/** Makes a host's disk: its own layer with its name, keys and addresses, and its containerd. */
export async function makeDisk(
  ctx: LabContext,
  host: LabHost,
  hosts: readonly LabHost[],
  from: { readonly template: Template; readonly credentials: Credentials },
): Promise<void> {
  const folder = hostFolder(host.name);
  for (const part of ['upper', 'work', 'merged', 'kubelet', 'etcd']) {
    await mkdir(path.join(folder, part), { recursive: true });
  }
  // These three are not in the overlay: containerd's own overlays may not lie on one.
  await copyContainerd(ctx, from.template.containerd, path.join(folder, 'containerd'));
  const put = async (place: string, text: string, mode = 0o644): Promise<void> => {
    const file = path.join(folder, 'upper', place);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text, { mode });
  };
  await put('etc/hostname', `${host.name}\n`);
  await put('etc/hosts', etcHosts(hosts));
  // Nothing listens there: CoreDNS refuses to start with no server, and a refusal is quick.
  await put('etc/resolv.conf', `nameserver ${CONTROLLER_ADDRESS}\n`);
  await put('etc/machine-id', `${randomBytes(16).toString('hex')}\n`);
  await put('etc/default/kubelet', `KUBELET_EXTRA_ARGS=--node-ip=${host.address}\n`);
  const key = from.credentials.hostKey(host);
  const keyFile = path.join(folder, 'upper/etc/ssh/ssh_host_ed25519_key');
  await mkdir(path.dirname(keyFile), { recursive: true });
  await copyFile(key, keyFile);
  await chmod(keyFile, 0o600);
  await put('etc/ssh/ssh_host_ed25519_key.pub', await readFile(`${key}.pub`, 'utf8'));
  // One file for root and ops, in a place that both may read.
  await put('etc/ssh/caravan-lab/authorized_keys', from.credentials.publicKey);
  await put(
    'etc/ssh/sshd_config.d/caravan-lab-keys.conf',
    'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/caravan-lab/authorized_keys\n',
  );
  await writeFile(path.join(folder, 'layers'), from.template.layers.join(':'));
}

/** Starts a host whose disk and namespace are there; one that runs already is left alone. */
export async function startHost(ctx: LabContext, host: LabHost): Promise<void> {
  if ((await labProcesses(host.name)).length > 0) return;
  const folder = hostFolder(host.name);
  const merged = path.join(folder, 'merged');
  if (!(await mountPoints()).includes(merged)) {
    const layers = await readFile(path.join(folder, 'layers'), 'utf8');
    const part = (name: string): string => path.join(folder, name);
    const where = `lowerdir=${layers},upperdir=${part('upper')},workdir=${part('work')}`;
    await program(ctx, ['mount', '-t', 'overlay', 'overlay', '-o', where, merged]);
  }
  const console = await open(path.join(folder, 'console.log'), 'a');
  try {
    // Not by zx: this process goes on when we are gone, and must not be ended with us.
    const script = path.join(DATA_FOLDER, 'nspawn/start.sh');
    const child = spawn('sh', [script, host.name, folder], {
      detached: true,
      stdio: ['ignore', console.fd, console.fd],
    });
    child.on('error', () => undefined);
    child.unref();
  } finally {
    await console.close();
  }
}

/** Takes every mount at or below a folder away, the latest first. */
export async function unmountUnder(ctx: LabContext, folder: string): Promise<void> {
  const mine = (await mountPoints()).filter(
    (place) => place === folder || place.startsWith(`${folder}/`),
  );
  for (const place of mine.reverse()) await program(ctx, ['umount', place]);
}

/** All mount points of this machine. */
export async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mounts', 'utf8');
  return text.split('\n').map((line) => line.split(' ')[1] ?? '');
}
