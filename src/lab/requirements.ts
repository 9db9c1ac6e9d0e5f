import { mkdir, readFile, statfs } from 'node:fs/promises';
import { CaravanError } from '../values/error.js';
import { STATE_FOLDER } from './places.js';
import { program, step, tryProgram } from './program.js';
import type { LabContext, LabOptions } from './types.js';

/** A program that the lab calls, and the Debian package that has it. */
const PROGRAMS = {
  debootstrap: 'debootstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  unshare: 'util-linux',
  mount: 'mount',
  tar: 'tar',
} as const;

const OVERLAYFS_MAGIC = 0x794c7630;

/**
 * Sees to it that this machine can hold a lab.
 * @throws CaravanError of kind privilege with all that is missing and the command that brings it
 */
export async function checkRequirements(
  ctx: LabContext,
  options: Pick<LabOptions, 'install'>,
): Promise<void> {
  if (process.platform !== 'linux') {
    throw new CaravanError('privilege', `needed Linux for the lab; found ${process.platform}`, {
      hint: 'use the VMs in vagrant/ instead',
    });
  }
  if (process.getuid?.() !== 0) {
    throw new CaravanError(
      'privilege',
      'needed root to make namespaces, mounts and containers; found an ordinary user',
      { hint: 'run the same command with sudo' },
    );
  }
  await requirePackages(ctx, options);
  await requireKernel(ctx);
}

async function requirePackages(
  ctx: LabContext,
  options: Pick<LabOptions, 'install'>,
): Promise<void> {
  const missing = new Set<string>();
  for (const [name, debian] of Object.entries(PROGRAMS)) {
    const found = await tryProgram(ctx, ['sh', '-c', 'command -v "$1"', 'sh', name]);
    if (found.code !== 0) missing.add(debian);
  }
  if (missing.size === 0) return;
  const packages = [...missing];
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...packages];
  if (!options.install) {
    throw new CaravanError(
      'privilege',
      `the lab needs packages that are missing: ${packages.join(', ')}`,
      {
        hint: `run \`apt-get update && ${install.join(' ')}\`, or give --install`,
      },
    );
  }
  await step(ctx, `install ${packages.join(', ')}`, async (line) => {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const first = await tryProgram(ctx, install, { env });
    if (first.code === 0) return;
    line('package lists are old or absent: apt-get update');
    await program(ctx, ['apt-get', 'update'], { env });
    await program(ctx, install, { env });
  });
}

async function requireKernel(ctx: LabContext): Promise<void> {
  if (!(await readFile('/proc/filesystems', 'utf8')).includes('\toverlay\n')) {
    await tryProgram(ctx, ['modprobe', 'overlay']);
  }
  if (!(await readFile('/proc/filesystems', 'utf8')).includes('\toverlay\n')) {
    throw new CaravanError(
      'privilege',
      'needed overlayfs for the disks of hosts; this kernel has none',
    );
  }
  await mkdir(STATE_FOLDER, { recursive: true });
  if ((await statfs(STATE_FOLDER)).type === OVERLAYFS_MAGIC) {
    throw new CaravanError(
      'privilege',
      `needed a disk at ${STATE_FOLDER} that overlays can lie on; found an overlay (a container?)`,
      { hint: `mount a volume or a tmpfs of 4 GiB at ${STATE_FOLDER}` },
    );
  }
}
