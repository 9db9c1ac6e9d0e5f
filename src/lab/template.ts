import { cp, link, mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Binaries } from './binaries.js';
import { exists, whole } from './cache.js';
import { isUnifiedCgroup } from './cgroup.js';
import { digest } from './go-module.js';
import { archiveName, labImages, writeImage } from './images.js';
import { cacheFolder, DATA_FOLDER } from './places.js';
import { program, step } from './program.js';
import type { LabContext, LabOptions } from './types.js';

const SUITE = 'bookworm';

/** What all hosts of a lab share: read-only layers, and a containerd folder to copy. */
export interface Template {
  /** Lower layers of a host's overlay, the topmost first. */
  readonly layers: readonly string[];
  /** containerd's folder with all images in it. */
  readonly containerd: string;
}

/** The bare Debian root file system, from the cache or from debootstrap. */
async function rootFileSystem(ctx: LabContext): Promise<string> {
  const list = await readFile(path.join(DATA_FOLDER, 'provision/packages.txt'), 'utf8');
  const packages = list.trim().split('\n').join(',');
  const folder = path.join(cacheFolder(), 'rootfs', `${SUITE}-${digest([packages])}`);
  if (await exists(folder)) return folder;
  await step(ctx, 'make the root file system, 1 to 3 minutes', async (line) => {
    await whole(folder, async (made) => {
      const argv = ['debootstrap', '--variant=minbase', `--include=${packages}`, SUITE, made];
      let lines = 0;
      await program(ctx, argv, {
        onLine: (text) => {
          if ((lines += 1) % 50 === 0) line(text);
        },
      });
    });
  });
  return folder;
}

/** The template of a lab, from the cache or made now. */
export async function labTemplate(
  ctx: LabContext,
  options: LabOptions,
  binaries: Binaries,
): Promise<Template> {
  const rootfs = await rootFileSystem(ctx);
  const list = await program(ctx, [
    binaries.path('kubeadm'),
    ...['config', 'images', 'list', '--kubernetes-version', options.kubernetes],
  ]);
  const images = labImages(list);
  const systemdCgroup = String(isUnifiedCgroup());
  const scripts = ['provision/host.sh', 'nspawn/layer.sh', 'nspawn/container-mounts.sh'];
  const texts = scripts.map((name) => readFile(path.join(DATA_FOLDER, name), 'utf8'));
  const key = digest([
    path.basename(rootfs),
    binaries.key,
    systemdCgroup,
    JSON.stringify(images),
    ...(await Promise.all(texts)),
  ]);
  const folder = path.join(cacheFolder(), 'templates', `${options.kubernetes}-${key}`);
  if (!(await exists(folder))) {
    await whole(folder, async (made) => {
      for (const part of ['layer', 'containerd', 'images']) await mkdir(path.join(made, part));
      await step(ctx, 'write the images', async (line) => {
        for (const image of images) {
          await writeImage(ctx, image, { binaries, rootfs }, path.join(made, 'images'));
          line(archiveName(image));
        }
      });
      await step(ctx, 'make the layer that all hosts share', async (line) => {
        const script = path.join(DATA_FOLDER, 'nspawn/layer.sh');
        const pause = images.find((image) => image.reference.includes('/pause:'));
        await program(
          ctx,
          ['unshare', '--mount', 'sh', script, rootfs, made, path.dirname(script)],
          {
            env: { PAUSE_IMAGE: pause?.reference ?? '', SYSTEMD_CGROUP: systemdCgroup },
            onLine: line,
          },
        );
        const bin = path.join(made, 'layer/usr/local/bin');
        await mkdir(bin, { recursive: true });
        for (const name of ['kubelet', 'kubeadm', 'kubectl', 'etcdctl']) {
          await linkOrCopy(binaries.path(name), path.join(bin, name));
        }
        for (const part of ['root', 'work']) {
          await rm(path.join(made, part), { recursive: true, force: true });
        }
      });
    });
  }
  return {
    layers: [path.join(folder, 'layer'), rootfs],
    containerd: path.join(folder, 'containerd'),
  };
}

/**
 * A host's own containerd folder, in no time: contents and layers are never written to again, so
 * they are hard links; the databases are copies.
 */
export async function copyContainerd(ctx: LabContext, from: string, to: string): Promise<void> {
  const sameDisk = (await stat(from)).dev === (await stat(path.dirname(to))).dev;
  await program(ctx, ['cp', '-a', ...(sameDisk ? ['--link'] : []), from, to]);
  if (!sameDisk) return;
  const names = await readdir(from, { recursive: true });
  for (const name of names.filter((one) => one.endsWith('.db'))) {
    await rm(path.join(to, name));
    await cp(path.join(from, name), path.join(to, name));
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => cp(from, to));
}
