import { homedir } from 'node:os';

/** `~/x` under the home folder of who runs caravan. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path;
}
