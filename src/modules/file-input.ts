import * as z from 'zod';
import { sh } from '../values/shell.js';
import type { FileStat } from '../facts/file-stat.js';
import type { RunChange } from './host-change.js';

/** A mode as a number (`0644` in YAML 1.1 is 420) or as octal text (`'0644'`). */
export const modeInput = z
  .union([
    z.int().min(0).max(0o7777),
    z.string().regex(/^0?[0-7]{3,4}$/, "must be octal, such as '0644'"),
  ])
  .transform((mode) => (typeof mode === 'number' ? mode : Number.parseInt(mode, 8)));

/** `0644`. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** What a file's attributes shall be. */
export interface WantedAttributes {
  readonly mode?: number | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** The changes that bring the attributes of what stands at a path to what is wanted. */
export function attributeChanges(stat: FileStat, wanted: WantedAttributes): RunChange[] {
  const { path } = stat;
  const changes: RunChange[] = [];
  if (wanted.mode !== undefined && (stat.type === 'absent' || wanted.mode !== stat.mode))
    changes.push({
      kind: 'run',
      summary: `set mode of ${path} to ${octal(wanted.mode)}`,
      script: sh`chmod ${octal(wanted.mode)} ${path}`,
    });
  const owner = ownerOf(wanted);
  if (owner !== undefined && !hasOwner(stat, owner))
    changes.push({
      kind: 'run',
      summary: `set owner of ${path} to ${owner}`,
      script: sh`chown ${owner} ${path}`,
    });
  return changes;
}

/** The mode of a file that is written. In the place of a link it is new, whatever the link points to. */
export function modeOf({ type, mode }: FileStat, wanted: WantedAttributes): { mode: number } {
  return { mode: wanted.mode ?? (type === 'file' ? mode : 0o644) };
}

/** `user:group`, `user` or `:group` from an input's `owner` and `group`. */
export function ownerOf({ owner, group }: WantedAttributes): string | undefined {
  if (owner === undefined && group === undefined) return undefined;
  const [user = '', own] = (owner ?? '').split(':');
  const named = group ?? own;
  return named === undefined ? user : `${user}:${named}`;
}

/** Whether what stands at a path has an owner written as {@link ownerOf} does. */
export function hasOwner(stat: FileStat, owner: string): boolean {
  const [user = '', group] = owner.split(':');
  return (user === '' || user === stat.user) && (group === undefined || group === stat.group);
}
