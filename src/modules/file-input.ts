import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { sh } from '../values/shell.js';
import type { FileStat } from '../facts/file-stat.js';
import type { RunChange } from './host-change.js';

/** A path of a host, which may begin with a home or a variable of it. */
export const pathInput = z
  .string()
  .refine((path) => isAbsolute(path) || /^[~$]/.test(path), 'must be an absolute path');

/** Bits, or clauses as `chmod` takes them (`u=rwX,go-w`), whose meaning depends on what is there. */
export type Mode = number | string;

const OCTAL = /^0?[0-7]{3,4}$/;
const CLAUSE = '[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+';
const CLAUSES = new RegExp(`^${CLAUSE}(?:,${CLAUSE})*$`);

/** A mode as a number (`0644` in YAML 1.1 is 420), as octal text (`'0644'`) or as clauses. */
export const modeInput = z
  .union([
    z.int().min(0).max(0o7777),
    z
      .string()
      .refine(
        (mode) => OCTAL.test(mode) || CLAUSES.test(mode),
        "must be octal, such as '0644', or clauses, such as 'u=rw,go=r'",
      ),
  ])
  .transform((mode): Mode => {
    if (typeof mode === 'number') return mode;
    return OCTAL.test(mode) ? Number.parseInt(mode, 8) : mode;
  });

const RIGHTS: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };
const PLACES = [
  { who: 'u', shift: 6, special: { s: 0o4000 } },
  { who: 'g', shift: 3, special: { s: 0o2000 } },
  { who: 'o', shift: 0, special: { t: 0o1000 } },
] as const;
/** Of a login on most hosts: who names nobody gives no more than it leaves. */
const UMASK = 0o022;

/** The bits that one clause means for one of user, group and others. */
function bitsFor(
  { shift, special }: (typeof PLACES)[number],
  rights: string,
  { mode, isFolder }: { readonly mode: number; readonly isFolder: boolean },
): number {
  let bits = 0;
  for (const right of rights) {
    const from = PLACES.find(({ who }) => who === right);
    if (from !== undefined) bits |= ((mode >> from.shift) & 7) << shift;
    else if (right === 'X') bits |= isFolder || (mode & 0o111) > 0 ? 1 << shift : 0;
    else
      bits |= ((RIGHTS[right] ?? 0) << shift) | ((special as Record<string, number>)[right] ?? 0);
  }
  return bits;
}

/** The bits of a mode, of which clauses change those that are there. */
export function modeBits(wanted: Mode, base: number, isFolder = false): number {
  if (typeof wanted === 'number') return wanted;
  let mode = base;
  for (const clause of wanted.split(',')) {
    const [, who = '', rest = ''] = /^([ugoa]*)(.*)$/.exec(clause) ?? [];
    const everyone = who === '' || who.includes('a');
    for (const [, operator = '', rights = ''] of rest.matchAll(/([-+=])([^-+=]*)/g))
      for (const place of PLACES) {
        if (!everyone && !who.includes(place.who)) continue;
        const all = bitsFor(place, rights, { mode, isFolder });
        const bits = who === '' ? all & ~UMASK : all;
        if (operator === '-') mode &= ~bits;
        else if (operator === '+') mode |= bits;
        else {
          const special = Object.values(place.special)[0] ?? 0;
          mode = (mode & ~((7 << place.shift) | special)) | bits;
        }
      }
  }
  return mode;
}

/** `0644`, `02755`. */
export function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}

/** What a file's attributes shall be. */
export interface WantedAttributes {
  readonly mode?: Mode | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** The changes that bring the attributes of what stands at a path to what is wanted. */
export function attributeChanges(
  stat: FileStat,
  wanted: WantedAttributes,
  made: 'file' | 'directory' = 'file',
): RunChange[] {
  const { path } = stat;
  const changes: RunChange[] = [];
  const mode = wantedMode(stat, wanted, made);
  if (wanted.mode !== undefined && (stat.type === 'absent' || mode !== stat.mode))
    changes.push({
      kind: 'run',
      summary: `set mode of ${path} to ${octal(mode)}`,
      script: sh`chmod ${octal(mode)} ${path}`,
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

/** The mode of what stands at a path once it is as wanted; in the place of a link a file is new. */
export function wantedMode(
  { type, mode }: FileStat,
  wanted: WantedAttributes,
  made: 'file' | 'directory' = 'file',
): number {
  const isFolder = type === 'directory' || (type === 'absent' && made === 'directory');
  const isThere = type !== 'absent' && type !== 'link';
  const base = isThere ? mode : isFolder ? 0o755 : 0o644;
  return wanted.mode === undefined ? base : modeBits(wanted.mode, base, isFolder);
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
