import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';

/** `~/x` under the home folder of who runs caravan, `~user/x` under that of a user, if there is one. */
export function expandHome(path: string): string {
  if (path === '~' || path.startsWith('~/')) return homedir() + path.slice(1);
  const other = /^~([^/]+)/.exec(path)?.[1];
  const home = other === undefined ? '' : homeOf(other);
  return other === undefined || home === '' ? path : home + path.slice(1 + other.length);
}

const homes = new Map<string, string>();

/**
 * Empty for a user who is not there. The user database is asked through the shell: Node knows no way
 * to another user's entry.
 */
function homeOf(name: string): string {
  let home = homes.get(name);
  if (home === undefined) {
    const said = /^\w[\w.-]*$/.test(name)
      ? execFileSync('/bin/sh', ['-c', `printf %s ~${name}`], { encoding: 'utf8' })
      : '';
    home = said.startsWith('/') ? said : '';
    homes.set(name, home);
  }
  return home;
}
