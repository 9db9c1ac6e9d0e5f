import { CaravanError } from '../values/error.js';
import type { Place } from './data.js';
import { shown } from './shown.js';

/*
 * Host names, addresses and ranges as ansible-core's parsing/utils/addresses.py and
 * plugins/inventory/__init__.py (expand_hostname_range) read them. Python's `\w` is Unicode.
 */
const W = '\\p{L}\\p{N}_';
const NUMERIC = '\\[[0-9]+:[0-9]+(?::[0-9]+)?\\]';
const HEX = '\\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\\]';
const ALNUM = '\\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\\]';
const V6 = `(?:[0-9a-f]{1,4}|${HEX})`;
const V4 = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|${NUMERIC})`;
const LABEL = `(?:[${W}]|${ALNUM})(?:[${W}-]|${ALNUM})*(?<![_-])`;

const IPV4 = new RegExp(`^(?:${V4}\\.){3}${V4}$`, 'iu');
const IPV6 = new RegExp(
  `^(?:(?:${V6}:){7}${V6}|(?:${V6}:){1,6}:|(?:${V6}:)(?::${V6}){1,6}|(?:${V6}:){2}(?::${V6}){1,5}|` +
    `(?:${V6}:){3}(?::${V6}){1,4}|(?:${V6}:){4}(?::${V6}){1,3}|(?:${V6}:){5}(?::${V6}){1,2}|` +
    `(?:${V6}:){6}(?::${V6})|:(?::${V6}){1,6}|${V6}?::|(?:0:){6}(?:${V6}\\.){3}${V6}|` +
    `::(?:ffff:)?(?:${V6}\\.){3}${V6}|(?:0:){5}ffff:(?:${V6}\\.){3}${V6})$`,
  'iu',
);
const HOSTNAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'iu');
const BRACKETED_PORT = /^\[(.+)\]:([0-9]+)$/;
const HOST_PORT = /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/;
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** More hosts than this from one range is a slip of the finger. */
const MAX_RANGE = 100_000;
/** A name in DNS has at most 253 letters; ranges take some more. */
const MAX_NAME = 2_000;

/** Whether a name is an IPv4 or IPv6 address (or a pattern of such), as Ansible sees it. */
export function isAddress(name: string): boolean {
  // V8 takes 5 ms to compile the second: most inventories have only names.
  return IPV4.test(name) || (name.includes(':') && IPV6.test(name));
}

/** `host`, `host:port` or `[host]:port`, ranges allowed; undefined where it is none of these. */
export function parseAddress(text: string): { host: string; port?: number } | undefined {
  if (text.length > MAX_NAME) return undefined;
  let host = text;
  let port: number | undefined;
  for (const form of [BRACKETED_PORT, HOST_PORT]) {
    const match = form.exec(host);
    if (!match) continue;
    host = match[1] ?? '';
    port = Number(match[2]);
  }
  if (!isAddress(host) && !HOSTNAME.test(host)) return undefined;
  return port === undefined ? { host } : { host, port };
}

/**
 * The hosts that one entry of an inventory names: `web[01:50:2].example.com:2222`. Text that is
 * no address stays as it is, a name of its own.
 */
export function expandHosts(entry: string, place: Place): { names: string[]; port?: number } {
  if (entry.length > MAX_NAME) {
    throw new CaravanError('input', `host "${shown(entry)}" is longer than ${MAX_NAME} letters`, {
      source: place(),
    });
  }
  const address = parseAddress(entry);
  const names = expandRanges(address?.host ?? entry, place);
  return address?.port === undefined ? { names } : { names, port: address.port };
}

function expandRanges(text: string, place: Place): string[] {
  const open = text.indexOf('[');
  if (open < 0) return [text];
  const refuse = (reason: string) =>
    new CaravanError('input', `host range "${shown(text)}": ${reason}`, {
      source: place(),
      hint: 'A range is [begin:end] or [begin:end:step], such as [01:20] or [a:f].',
    });
  const close = text.indexOf(']', open);
  if (close < 0) throw refuse('the bracket is not closed');
  const [begin, end, step, ...rest] = text.slice(open + 1, close).split(':');
  if (end === undefined || rest.length > 0) throw refuse('it needs begin:end or begin:end:step');
  if (end === '') throw refuse('it has no end');
  const steps = series(begin === '' || begin === undefined ? '0' : begin, end, step, refuse);
  const tails = expandRanges(text.slice(close + 1), place);
  if (steps.length * tails.length > MAX_RANGE) throw refuse(`more than ${MAX_RANGE} hosts`);
  const head = text.slice(0, open);
  return steps.flatMap((middle) => tails.map((tail) => `${head}${middle}${tail}`));
}

function series(
  begin: string,
  end: string,
  stepText: string | undefined,
  refuse: (reason: string) => CaravanError,
): string[] {
  const step = stepText === undefined ? 1 : whole(stepText);
  if (step === undefined || step < 1)
    throw refuse(`its step "${stepText ?? ''}" is not a number above 0`);
  const width = begin.length > 1 && begin.startsWith('0') ? begin.length : 0;
  if (width > 0 && width !== end.length) throw refuse('begin and end differ in length');
  const from = begin.length === 1 ? LETTERS.indexOf(begin) : -1;
  const to = end.length === 1 ? LETTERS.indexOf(end) : -1;
  if (from >= 0 && to >= 0) {
    if (from > to) throw refuse('it begins after its end');
    return Array.from(LETTERS.slice(from, to + 1)).filter((_, i) => i % step === 0);
  }
  const low = whole(begin);
  const high = whole(end);
  if (low === undefined || high === undefined)
    throw refuse('begin and end are neither two numbers nor two letters');
  if ((high - low) / step > MAX_RANGE) throw refuse(`more than ${MAX_RANGE} hosts`);
  const names: string[] = [];
  for (let n = low; n <= high; n += step) names.push(String(n).padStart(width, '0'));
  return names;
}

function whole(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
