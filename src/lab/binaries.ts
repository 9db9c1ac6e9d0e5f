import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CaravanError } from '../values/error.js';
import { exists, whole } from './cache.js';
import { GO_MODULES, linkerFlags, moduleKey, renderGoMod } from './go-module.js';
import type { GoModule } from './go-module.js';
import { cacheFolder, DATA_FOLDER } from './places.js';
import { program, step, tail, throwIfCancelled, tryProgram } from './program.js';
import type { LabContext, LabOptions } from './types.js';

/** Where each program lies, and a key that changes when any of them does. */
export interface Binaries {
  readonly key: string;
  readonly path: (program: string) => string;
}

/** Version that {@link DATA_FOLDER} has a finished go.mod and go.sum for. */
const COMMITTED_VERSION = 'v1.36.3';

/** Where Kubernetes publishes its programs, each with a `.sha256` beside it. */
const RELEASES = 'https://dl.k8s.io/release';

/**
 * Every program of a lab: from the folder given, else the cache, else Kubernetes' release, else
 * built from Go modules.
 * @throws CaravanError of kind input (folder lacks a program), privilege (no Go) or command
 */
export async function obtainBinaries(ctx: LabContext, options: LabOptions): Promise<Binaries> {
  if (options.binaries !== undefined) return givenBinaries(path.resolve(options.binaries));
  const folders = new Map<string, string>();
  const keys: string[] = [];
  for (const module of GO_MODULES) {
    const goMod = await goModOf(module, options.kubernetes);
    const key = moduleKey(module, options.kubernetes, goMod);
    const folder = path.join(cacheFolder(), 'binaries', key);
    if (!(await exists(folder))) await fill(ctx, module, options.kubernetes, folder);
    for (const one of module.programs) folders.set(one.program, folder);
    keys.push(key);
  }
  return {
    key: keys.join(' '),
    path: (name) => path.join(folders.get(name) ?? '', name),
  };
}

async function givenBinaries(folder: string): Promise<Binaries> {
  const names = GO_MODULES.flatMap((module) => module.programs.map((one) => one.program));
  const missing: string[] = [];
  const hash = createHash('sha256');
  for (const name of names) {
    try {
      await access(path.join(folder, name), constants.X_OK);
      hash.update(await readFile(path.join(folder, name)));
    } catch {
      missing.push(name);
    }
  }
  if (missing.length > 0) {
    throw new CaravanError(
      'input',
      `looked for the lab's programs in ${folder}; found no ${missing.join(', no ')}`,
      { hint: 'put them there, executable, or leave --binaries out' },
    );
  }
  return { key: `given-${hash.digest('hex')}`, path: (name) => path.join(folder, name) };
}

/** Fills a folder of the cache: beside it first, then renamed, so that it is whole or not there. */
async function fill(
  ctx: LabContext,
  module: GoModule,
  kubernetes: string,
  folder: string,
): Promise<void> {
  await whole(folder, async (made) => {
    const downloaded =
      module.name === 'kubernetes' ? await download(ctx, module, kubernetes, made) : [];
    const rest = module.programs.filter((one) => !downloaded.includes(one.program));
    await build(ctx, { ...module, programs: rest }, kubernetes, made);
  });
}

/** Programs that the release site gave; none where it cannot be reached. */
async function download(
  ctx: LabContext,
  module: GoModule,
  kubernetes: string,
  folder: string,
): Promise<string[]> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const names = module.programs.map((one) => one.program).filter((name) => name !== 'agnhost');
  return step(ctx, `download Kubernetes ${kubernetes}`, async (line) => {
    const got: string[] = [];
    for (const name of names) {
      const url = `${RELEASES}/${kubernetes}/bin/linux/${arch}/${name}`;
      const sum = await get(ctx, `${url}.sha256`, 5_000);
      const bytes = sum === undefined ? undefined : await get(ctx, url, 300_000);
      if (sum === undefined || bytes === undefined) {
        line(`${new URL(url).host} does not answer; going on without it`);
        break;
      }
      const found = createHash('sha256').update(bytes).digest('hex');
      const needed = sum.toString('utf8').trim();
      if (found !== needed) {
        throw new CaravanError(
          'verify',
          `downloaded ${url}; found SHA-256 ${found}, needed ${needed}`,
        );
      }
      await writeFile(path.join(folder, name), bytes, { mode: 0o755 });
      line(name);
      got.push(name);
    }
    return got;
  });
}

async function get(ctx: LabContext, url: string, timeoutMs: number): Promise<Buffer | undefined> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = ctx.signal ? AbortSignal.any([ctx.signal, deadline]) : deadline;
  try {
    const response = await fetch(url, { signal });
    return response.ok ? Buffer.from(await response.arrayBuffer()) : undefined;
  } catch {
    throwIfCancelled(ctx);
    return undefined;
  }
}

async function build(
  ctx: LabContext,
  module: GoModule,
  kubernetes: string,
  folder: string,
): Promise<void> {
  const what = module.name === 'kubernetes' ? `Kubernetes ${kubernetes}` : module.name;
  await requireGo(ctx);
  await step(ctx, `build ${what} from Go modules, ${module.expected}`, async (line) => {
    const source = await moduleSource(ctx, module, kubernetes, folder, line);
    // Without -v the compiler says nothing for minutes; its package names are the progress.
    let packages = 0;
    const result = await tryProgram(
      ctx,
      ['go', 'build', '-v', '-trimpath', '-ldflags', linkerFlags(module, kubernetes)].concat(
        ['-o', `${folder}/`],
        module.programs.map((one) => one.package),
      ),
      {
        cwd: source,
        env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
        timeoutMs: 3_600_000,
        onLine: (name) => {
          packages += 1;
          if (packages % 100 === 0) line(`${packages} packages compiled, now ${name}`);
        },
      },
    );
    if (result.code !== 0) {
      throw new CaravanError('command', `built ${what}; go said: ${tail(result)}`);
    }
    // `go build` names a program after its package; etcd's is called `server`.
    for (const one of module.programs) {
      const name = builtName(one.package, module.name);
      if (name !== one.program)
        await rename(path.join(folder, name), path.join(folder, one.program));
      await chmod(path.join(folder, one.program), 0o755);
    }
    await rm(path.join(folder, 'source'), { recursive: true, force: true });
  });
}

function builtName(goPackage: string, module: string): string {
  if (goPackage === '.') return module;
  const parts = goPackage.split('/').filter((part) => !/^v\d+$/.test(part));
  return parts.at(-1) ?? module;
}

/** A copy of the module's folder, so that go never writes into the package. */
async function moduleSource(
  ctx: LabContext,
  module: GoModule,
  kubernetes: string,
  folder: string,
  line: (text: string) => void,
): Promise<string> {
  const from = path.join(DATA_FOLDER, 'kubernetes', module.name);
  const source = path.join(folder, 'source');
  await mkdir(source);
  if (module.name === 'kubernetes' && kubernetes !== COMMITTED_VERSION) {
    line(`no go.sum for ${kubernetes} is kept here: asking for its modules`);
    const about = await program(
      ctx,
      ['go', 'mod', 'download', '-json', `k8s.io/kubernetes@${kubernetes}`],
      { cwd: source },
    );
    const { GoMod } = JSON.parse(about) as { GoMod: string };
    await writeFile(
      path.join(source, 'go.mod'),
      renderGoMod(kubernetes, await readFile(GoMod, 'utf8')),
    );
    await program(ctx, ['go', 'mod', 'tidy', '-e'], { cwd: source, env: { GOFLAGS: '' } });
    return source;
  }
  const files = module.name === 'pause' ? ['go.mod', 'main.go'] : ['go.mod', 'go.sum'];
  for (const file of files) await copyFile(path.join(from, file), path.join(source, file));
  return source;
}

async function goModOf(module: GoModule, kubernetes: string): Promise<string> {
  if (module.name === 'kubernetes' && kubernetes !== COMMITTED_VERSION) return kubernetes;
  return readFile(path.join(DATA_FOLDER, 'kubernetes', module.name, 'go.mod'), 'utf8');
}

async function requireGo(ctx: LabContext): Promise<void> {
  const result = await tryProgram(ctx, ['sh', '-c', 'command -v go']);
  if (result.code === 0) return;
  throw new CaravanError('privilege', 'looked for the go command to build Kubernetes; found none', {
    hint: 'install Go 1.26 or newer (https://go.dev/dl), or give finished programs with --binaries',
  });
}
