import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { quoteWord } from '../values/shell.js';

/** A filter or test: the value, then its arguments. Keyword arguments come last, as an object. */
export type TemplateFunction = (value: unknown, ...args: unknown[]) => unknown;

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  return JSON.stringify(value);
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new Error(`needs a list, found ${typeof value}`);
}

function mapping(value: unknown): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`needs a mapping, found ${Array.isArray(value) ? 'list' : typeof value}`);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function unique(items: readonly unknown[]): unknown[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

function without(a: readonly unknown[], b: readonly unknown[]): unknown[] {
  return unique(a).filter((item) => !b.some((other) => same(item, other)));
}

function within(a: readonly unknown[], b: readonly unknown[]): unknown[] {
  return unique(a).filter((item) => b.some((other) => same(item, other)));
}

function options(args: readonly unknown[]): Record<string, unknown> {
  const last = args.at(-1);
  return last !== null && typeof last === 'object' && !Array.isArray(last)
    ? (last as Record<string, unknown>)
    : {};
}

function combine(value: unknown, ...others: unknown[]): Record<string, unknown> {
  const recursive = options(others)['recursive'] === true;
  const maps = others.filter((other) => !same(other, { recursive }));
  return maps.reduce<Record<string, unknown>>(
    (into, other) => {
      for (const [key, item] of Object.entries(mapping(other))) {
        const old = into[key];
        const deep = recursive && [old, item].every((x) => x !== null && typeof x === 'object');
        into[key] =
          deep && !Array.isArray(item) && !Array.isArray(old)
            ? combine(old, item, { recursive })
            : item;
      }
      return into;
    },
    { ...mapping(value) },
  );
}

/** A Python regular expression as one of JavaScript. */
function regex(pattern: unknown, flags: string): RegExp {
  return new RegExp(text(pattern).replaceAll('(?P<', '(?<'), flags);
}

function regexReplace(value: unknown, pattern: unknown, by: unknown): string {
  const template = text(by)
    .replaceAll('$', '$$$$')
    .replace(/\\g<(\w+)>|\\(\d)/g, (_, name: string | undefined, digit: string | undefined) =>
      digit === undefined
        ? /^\d+$/.test(name ?? '')
          ? `$${name ?? ''}`
          : `$<${name ?? ''}>`
        : `$${digit}`,
    );
  return text(value).replace(regex(pattern, 'g'), template);
}

function bool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  return ['1', 'true', 'yes', 'on', 'y', 't'].includes(text(value).toLowerCase());
}

function integer(value: unknown, fallback: unknown = 0, base: unknown = 10): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return Math.trunc(value);
  const given = typeof base === 'number' ? base : 10;
  const number = /^[-+]?\w+$/.test(text(value).trim())
    ? Number.parseInt(text(value).trim(), given)
    : Math.trunc(Number(text(value).trim() || Number.NaN));
  return Number.isNaN(number) ? fallback : number;
}

function flatten(value: unknown, levels: unknown = Infinity): unknown[] {
  return list(value).flat(typeof levels === 'number' ? levels : Infinity);
}

function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value ?? null, null, indent);
}

/** Ansible's filters that minijinja lacks. All are pure. */
export const FILTERS: Readonly<Record<string, TemplateFunction>> = {
  b64encode: (value) => Buffer.from(text(value), 'utf8').toString('base64'),
  b64decode: (value) => Buffer.from(text(value), 'base64').toString('utf8'),
  to_json: (value) => toJson(value),
  to_nice_json: (value) => toJson(value, 4),
  from_json: (value) => JSON.parse(text(value)) as unknown,
  bool,
  int: integer,
  combine,
  regex_replace: regexReplace,
  regex_search: (value, pattern) => regex(pattern, '').exec(text(value))?.[0] ?? null,
  regex_findall: (value, pattern) =>
    [...text(value).matchAll(regex(pattern, 'g'))].map((match) => match[1] ?? match[0]),
  regex_escape: (value) => text(value).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
  ternary: (value, yes, no, none) =>
    value === null && none !== undefined ? none : truthy(value) ? yes : no,
  unique: (value) => unique(list(value)),
  difference: (value, other) => without(list(value), list(other)),
  intersect: (value, other) => within(list(value), list(other)),
  union: (value, other) => unique([...list(value), ...list(other)]),
  symmetric_difference: (value, other) => [
    ...without(list(value), list(other)),
    ...without(list(other), list(value)),
  ],
  flatten,
  basename: (value) => basename(text(value)),
  dirname: (value) => dirname(text(value)),
  quote: (value) => quoteWord(text(value)),
  mandatory: (value, message) => {
    if (value === undefined || value === null)
      throw new Error(typeof message === 'string' ? message : 'mandatory variable is not defined');
    return value;
  },
  dict2items: (value) =>
    Object.entries(mapping(value)).map(([key, item]) => ({ key, value: item })),
  items2dict: (value) =>
    Object.fromEntries(
      list(value).map((item) => [text(mapping(item)['key']), mapping(item)['value']]),
    ),
  hash: (value, algorithm = 'sha1') =>
    createHash(text(algorithm)).update(text(value)).digest('hex'),
  type_debug: (value) =>
    Array.isArray(value) ? 'list' : value === null ? 'NoneType' : typeof value,
};

/** Names that minijinja itself has, for hints at misspelt ones. */
export const BUILTIN_FILTERS: readonly string[] = (
  'abs attr batch bool capitalize chain d default dictsort escape first float format groupby indent ' +
  'items join last length lines list lower map max min pprint reject rejectattr replace reverse ' +
  'round safe select selectattr slice sort split string sum title tojson trim unique upper urlencode zip'
).split(' ');

/** What Jinja counts as true. */
export function truthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0;
  return Boolean(value);
}

function flag(value: unknown, name: string): boolean {
  return mapping(value)[name] === true;
}

function compareVersions(value: unknown, other: unknown): number {
  const parts = (v: unknown): string[] => text(v).replace(/^v/, '').split(/[.+-]/);
  const [a, b] = [parts(value), parts(other)];
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const order = (a[i] ?? '0').localeCompare(b[i] ?? '0', 'en', { numeric: true });
    if (order !== 0) return order;
  }
  return 0;
}

function version(value: unknown, other: unknown, operator: unknown = '=='): boolean {
  const order = compareVersions(value, other);
  const verdicts: Record<string, boolean> = {
    ...{ '==': order === 0, '=': order === 0, eq: order === 0, '!=': order !== 0, ne: order !== 0 },
    ...{ '<': order < 0, lt: order < 0, '<=': order <= 0, le: order <= 0 },
    ...{ '>': order > 0, gt: order > 0, '>=': order >= 0, ge: order >= 0 },
  };
  const verdict = verdicts[text(operator)];
  if (verdict === undefined) throw new Error(`version: no operator '${text(operator)}'`);
  return verdict;
}

/** Ansible's tests that minijinja lacks. */
export const TESTS: Readonly<Record<string, TemplateFunction>> = {
  failed: (value) => flag(value, 'failed'),
  succeeded: (value) => !flag(value, 'failed'),
  success: (value) => !flag(value, 'failed'),
  changed: (value) => flag(value, 'changed'),
  skipped: (value) => flag(value, 'skipped'),
  match: (value, pattern) => regex(`^(?:${text(pattern)})`, '').test(text(value)),
  search: (value, pattern) => regex(pattern, '').test(text(value)),
  regex: (value, pattern) => regex(pattern, '').test(text(value)),
  version,
  subset: (value, other) => without(list(value), list(other)).length === 0,
  superset: (value, other) => without(list(other), list(value)).length === 0,
  contains: (value, item) =>
    typeof value === 'string' ? value.includes(text(item)) : list(value).some((x) => same(x, item)),
  truthy,
  falsy: (value) => !truthy(value),
};
