import { globRegex } from '../values/glob.js';
import { CaravanError } from '../values/error.js';
import { parseAddress } from './address.js';
import { nearest } from './nearest.js';

/** What a pattern is asked of. */
export interface PatternScope<H> {
  /** Hosts by name, in inventory order. */
  readonly hosts: ReadonlyMap<string, H>;
  /** Group to its hosts, descendants included, in inventory order. */
  readonly groups: ReadonlyMap<string, readonly H[]>;
  /** The host that `localhost` means where no host has that name. */
  implicitLocalhost(name: string): H;
  /** Lines of a file that a part `@file` names. */
  readLines(file: string): readonly string[];
  /** Told of each part that matches nothing while others do. */
  unmatched?(part: string): void;
}

/** Names that mean this machine even when no source has them. */
export const LOCALHOST = ['127.0.0.1', '::1', 'localhost'];

const SUBSCRIPT = /^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$/s;

/**
 * The hosts that an Ansible pattern names, by ansible-core's InventoryManager: plain parts first,
 * then `&`, then `!`, wherever they stand; a subscript applies to the hosts of what is before it.
 * Throws a CaravanError of kind `input` when nothing matches.
 */
export function selectHosts<H>(pattern: string, scope: PatternScope<H>): H[] {
  const parts = splitPattern(pattern).flatMap((part) =>
    part.startsWith('@') ? limitLines(part, scope) : [part],
  );
  if (parts.length === 0) {
    throw new CaravanError('input', 'the host pattern is empty', {
      hint: 'Name `all` to mean every host.',
    });
  }
  const missing: string[] = [];
  const hosts = evaluate(parts, scope, missing);
  if (hosts.size === 0) throw noMatch(pattern, missing, scope);
  for (const part of missing) scope.unmatched?.(part);
  return [...hosts];
}

/** The parts of a pattern: at commas, or else at colons where the whole is no address. */
export function splitPattern(pattern: string): string[] {
  let parts: readonly string[];
  if (pattern.includes(',')) parts = pattern.split(',');
  else if (parseAddress(pattern)) parts = [pattern];
  else parts = pattern.match(/(?:[^\s:[\]]|\[[^\]]*\])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function limitLines<H>(part: string, scope: PatternScope<H>): string[] {
  const lines = scope.readLines(part.slice(1)).map((line) => line.trim());
  const names = lines.filter((line) => line !== '');
  if (names.length > 0) return names;
  throw new CaravanError('input', `${part.slice(1)} names no hosts`);
}

function evaluate<H>(parts: readonly string[], scope: PatternScope<H>, missing: string[]): Set<H> {
  const plain = parts.filter((part) => !/^[&!]/.test(part));
  const ordered = [
    ...(plain.length > 0 ? plain : ['all']),
    ...parts.filter((part) => part.startsWith('&')),
    ...parts.filter((part) => part.startsWith('!')),
  ];
  let hosts = new Set<H>();
  for (const part of ordered) {
    const known = scope.hosts.get(part);
    const found = new Set(known === undefined ? matchPart(part, scope, missing) : [known]);
    if (known === undefined && part.startsWith('&')) {
      hosts = new Set([...hosts].filter((host) => found.has(host)));
    } else if (known === undefined && part.startsWith('!')) {
      for (const host of found) hosts.delete(host);
    } else for (const host of found) hosts.add(host);
  }
  return hosts;
}

function matchPart<H>(signed: string, scope: PatternScope<H>, missing: string[]): H[] {
  const part = /^[&!]/.test(signed) ? signed.slice(1) : signed;
  if (part === '')
    throw new CaravanError('input', `"${signed}" in the host pattern has nothing behind it`);
  const subscript = part.startsWith('~') ? null : SUBSCRIPT.exec(part);
  const found = enumerate(subscript?.[1] ?? part, scope);
  if (found === undefined) missing.push(signed);
  return subscript ? slice(found ?? [], subscript, part) : (found ?? []);
}

/** Hosts of groups and hosts whose name matches; undefined where no name does. */
function enumerate<H>(part: string, scope: PatternScope<H>): H[] | undefined {
  const matches = matcher(part);
  const hosts: H[] = [];
  let any = false;
  for (const [name, members] of scope.groups) {
    if (!matches(name)) continue;
    any = true;
    hosts.push(...members);
  }
  if (!any || /^~|[.?*[]/.test(part)) {
    for (const [name, host] of scope.hosts) if (matches(name)) hosts.push(host);
  }
  if (hosts.length === 0 && LOCALHOST.includes(part)) return [scope.implicitLocalhost(part)];
  return any || hosts.length > 0 ? hosts : undefined;
}

function slice<H>(hosts: readonly H[], subscript: RegExpExecArray, part: string): H[] {
  if (hosts.length === 0) return [];
  const [, , single, start, , end] = subscript;
  const last = end === undefined || end === '' ? -1 : Number(end);
  if (single === undefined && last !== 0) {
    return hosts.slice(Number(start), last === -1 ? undefined : last + 1);
  }
  const host = hosts.at(Number(single ?? start));
  if (host !== undefined) return [host];
  throw new CaravanError(
    'input',
    `"${part}" asks for a host past the end: there are ${hosts.length}`,
  );
}

/** A test for names: `~` and a regular expression that matches at the start, else a shell glob. */
function matcher(part: string): (name: string) => boolean {
  if (!part.startsWith('~') && !/[?*[]/.test(part)) return (name) => name === part;
  const text = part.startsWith('~') ? `^(?:${pythonRegex(part.slice(1))})` : globRegex(part);
  for (const flags of ['su', 's']) {
    try {
      const regex = new RegExp(text, part.startsWith('~') ? flags.slice(1) : flags);
      return (name) => regex.test(name);
    } catch {
      // tried again without `u`, which knows fewer escapes than Python
    }
  }
  throw new CaravanError('input', `"${part}" in the host pattern is no valid regular expression`);
}

function pythonRegex(text: string): string {
  return text.replaceAll('(?P<', '(?<').replaceAll('\\Z', '$').replaceAll('\\A', '^');
}

function noMatch<H>(
  pattern: string,
  missing: readonly string[],
  scope: PatternScope<H>,
): CaravanError {
  const wanted = missing.map((part) => part.replace(/^[&!]/, ''));
  const near = wanted.flatMap((part) =>
    nearest(part, [...scope.groups.keys(), ...scope.hosts.keys()]),
  );
  const groups = [...scope.groups.keys()].slice(0, 12).join(', ');
  const hint =
    near.length > 0
      ? `Did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`
      : `Groups here: ${groups}${scope.groups.size > 12 ? ', ...' : ''}.`;
  return new CaravanError('input', `no host matches "${pattern}"`, { hint });
}
