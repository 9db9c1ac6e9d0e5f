import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'caravan', 'bench');

/**
 * Folder of the programs of packages from PyPI, installed into a cache when they are not there yet.
 * @param name of the folder in the cache; each tool has one, so that none bends another's versions
 */
export function pythonPrograms(name: string, packages: readonly string[]): string {
  const home = join(CACHE, name);
  const bin = join(home, 'bin');
  if (existsSync(join(home, 'complete'))) return bin;
  try {
    mkdirSync(home, { recursive: true });
    execFileSync('python3', ['-m', 'venv', home], { stdio: 'pipe' });
    execFileSync(join(bin, 'pip'), ['install', '--quiet', ...packages], { stdio: 'pipe' });
    mkdirSync(join(home, 'complete'));
  } catch (cause) {
    rmSync(home, { recursive: true, force: true });
    throw new Error(`pip install ${packages.join(' ')} failed`, { cause });
  }
  return bin;
}

/** The version of a package that {@link pythonPrograms} installed. */
pythonPrograms.versionIn = (bin: string, name: string): string =>
  ask(bin, `import importlib.metadata as m; print(m.version(${JSON.stringify(name)}))`);

/** A folder below the packages. */
pythonPrograms.folderOf = (bin: string, path: string): string =>
  join(ask(bin, 'import sysconfig; print(sysconfig.get_path("purelib"))'), path);

function ask(bin: string, question: string): string {
  return execFileSync(join(bin, 'python'), ['-c', question], { encoding: 'utf8' }).trim();
}

/** Installs a program of Debian where it is missing; gives its version. */
export function debianProgram(program: string, debianPackage: string): string {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) {
    const install = ['install', '-y', '-qq', '--no-install-recommends', debianPackage];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const { status, stderr } = spawnSync('apt-get', install, { encoding: 'utf8', env });
    if (status !== 0) throw new Error(`apt-get ${install.join(' ')}: ${stderr.trim()}`);
  }
  const query = ['-W', '-f', '${Version}', debianPackage];
  return spawnSync('dpkg-query', query, { encoding: 'utf8' }).stdout || 'unknown';
}
