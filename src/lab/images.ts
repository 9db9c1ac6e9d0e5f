import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CaravanError } from '../values/error.js';
import type { Binaries } from './binaries.js';
import { program } from './program.js';
import type { LabContext } from './types.js';

/** An image of the lab: one layer with static programs, and what it borrows from Debian. */
export interface LabImage {
  /** As kubeadm or a manifest names it. */
  readonly reference: string;
  /** Programs of the lab and where they stand in the image. */
  readonly programs: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  /** Programs and folders copied from the Debian root file system, with their libraries. */
  readonly borrowed?: readonly string[];
}

const AGNHOST = 'registry.k8s.io/e2e-test-images/agnhost:2.53';
const MULTI = '/usr/sbin/xtables-nft-multi';
/** The names by which kube-proxy calls iptables. */
const IPTABLES = ['iptables', 'ip6tables'].flatMap((name) =>
  ['', '-save', '-restore'].map((suffix) => name + suffix),
);

/**
 * The images of a lab, from what `kubeadm config images list` says that it needs.
 * @throws CaravanError of kind bug where kubeadm names an image that we do not know
 */
export function labImages(kubeadmList: string): LabImage[] {
  const references = kubeadmList.split('\n').map((line) => line.trim());
  const images = references
    .filter((line) => line !== '')
    .map((reference) => {
      const name = (reference.split('/').at(-1) ?? '').split(':')[0] ?? '';
      switch (name) {
        case 'kube-apiserver':
        case 'kube-controller-manager':
        case 'kube-scheduler':
          return { reference, programs: { [name]: `/usr/local/bin/${name}` } };
        case 'kube-proxy':
          return {
            reference,
            programs: { [name]: `/usr/local/bin/${name}` },
            borrowed: [MULTI, '/usr/sbin/conntrack', '/bin/kmod'],
          };
        case 'etcd':
          return {
            reference,
            programs: { etcd: '/usr/local/bin/etcd', etcdctl: '/usr/local/bin/etcdctl' },
          };
        case 'coredns':
          return { reference, programs: { coredns: '/coredns' }, entrypoint: ['/coredns'] };
        case 'pause':
          return {
            reference,
            programs: { pause: '/pause' },
            entrypoint: ['/pause'],
            user: '65535:65535',
          };
        default:
          throw new CaravanError(
            'bug',
            `kubeadm needs the image ${reference}, which the lab lacks`,
          );
      }
    });
  const agnhost: LabImage = {
    reference: AGNHOST,
    programs: { agnhost: '/agnhost' },
    entrypoint: ['/agnhost'],
    command: ['pause'],
    borrowed: ['/bin/sh', '/bin/cat', '/bin/ls', '/bin/sleep'],
  };
  return [...images, agnhost];
}

/** File name of an image's archive. */
export function archiveName(image: LabImage): string {
  return `${(image.reference.split('/').at(-1) ?? '').replace(':', '-')}.tar`;
}

/** The image's configuration in the form that a docker-archive holds. */
export function imageConfig(image: LabImage, layerDigest: string, architecture: string): string {
  return JSON.stringify({
    architecture,
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: image.entrypoint,
      Cmd: image.command,
      User: image.user,
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created_by: 'caravan lab' }],
  });
}

/** Writes an image as a docker-archive, which `ctr images import` takes, into `folder`. */
export async function writeImage(
  ctx: LabContext,
  image: LabImage,
  from: { readonly binaries: Binaries; readonly rootfs: string },
  folder: string,
): Promise<void> {
  const archive = path.join(folder, archiveName(image));
  const work = `${archive}.work`;
  const root = path.join(work, 'root');
  await mkdir(root, { recursive: true });
  for (const place of ['tmp', 'etc', 'usr/bin', 'usr/sbin', 'usr/lib']) {
    await mkdir(path.join(root, place), { recursive: true });
  }
  // As in Debian: borrowed programs are found by either path.
  for (const place of ['bin', 'sbin', 'lib']) await symlink(`usr/${place}`, path.join(root, place));
  await writeFile(path.join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/sbin/nologin\n');
  for (const [name, place] of Object.entries(image.programs)) {
    await mkdir(path.dirname(path.join(root, place)), { recursive: true });
    await copyFile(from.binaries.path(name), path.join(root, place));
  }
  if (image.borrowed !== undefined) await borrow(ctx, image.borrowed, from.rootfs, root);
  const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  const layer = path.join(work, 'layer.tar');
  await program(ctx, ['tar', ...reproducible, '-C', root, '-cf', layer, '.']);
  await rm(root, { recursive: true });
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  await writeFile(
    path.join(work, 'config.json'),
    imageConfig(image, await sha256(layer), architecture),
  );
  await writeFile(
    path.join(work, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: [image.reference], Layers: ['layer.tar'] }]),
  );
  const parts = ['manifest.json', 'config.json', 'layer.tar'];
  await program(ctx, [
    'tar',
    ...reproducible,
    '-C',
    work,
    '-cf',
    path.join(work, 'whole'),
    ...parts,
  ]);
  await rename(path.join(work, 'whole'), archive);
  await rm(work, { recursive: true });
}

/** Copies Debian programs and the libraries that they load into an image's root. */
async function borrow(
  ctx: LabContext,
  programs: readonly string[],
  rootfs: string,
  root: string,
): Promise<void> {
  const wanted = new Set(programs);
  const folders: string[] = [];
  if (programs.includes(MULTI)) {
    const modules = await program(ctx, ['find', path.join(rootfs, 'usr/lib'), '-name', 'xtables']);
    folders.push(
      ...modules
        .trim()
        .split('\n')
        .map((found) => found.slice(rootfs.length)),
    );
    // The modules are loaded at run time, so ldd of iptables does not name what they need.
    wanted.add('/usr/lib/x86_64-linux-gnu/libm.so.6'.replace('x86_64-linux-gnu', triplet()));
  }
  const linked = await program(ctx, ['chroot', rootfs, 'ldd', ...wanted]);
  for (const match of linked.matchAll(/(\/[^\s:]+\.so[^\s:]*)(?: \(|$)/gm)) {
    if (match[1] !== undefined) wanted.add(match[1]);
  }
  // Through the symlinks of the root file system, as the dynamic linker goes.
  const files = [...wanted, ...folders].map((place) => place.slice(1));
  await program(
    ctx,
    [
      'sh',
      '-c',
      'tar -C "$1" -hcf - --files-from=- | tar -C "$2" -xf - --keep-directory-symlink',
    ].concat(['sh', rootfs, root]),
    { input: files.join('\n') },
  );
  if (!programs.includes(MULTI)) return;
  for (const name of IPTABLES)
    await symlink(path.basename(MULTI), path.join(root, 'usr/sbin', name));
  await symlink('kmod', path.join(root, 'usr/bin/modprobe'));
}

function triplet(): string {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
