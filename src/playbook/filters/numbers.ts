import { argument, list, mapping, text, truthy, type TemplateFunction } from './values.js';

/** `yes`, `true`, `on`, `1` and the like; anything else is false. */
function bool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  return ['1', 'true', 'yes', 'on', 'y', 't'].includes(text(value).toLowerCase());
}

function integer(value: unknown, ...args: unknown[]): unknown {
  const fallback = argument(args, 0, 'default') ?? 0;
  const base = argument(args, 1, 'base');
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return Math.trunc(value);
  const given = text(value).trim();
  if (typeof base === 'number' && base !== 10) {
    const number = Number.parseInt(given, base);
    return Number.isNaN(number) ? fallback : number;
  }
  const number = given === '' ? Number.NaN : Math.trunc(Number(given));
  return Number.isFinite(number) ? number : fallback;
}

function sum(value: unknown, ...args: unknown[]): unknown {
  const attribute = argument(args, 0, 'attribute') ?? undefined;
  const start = argument(args, 1, 'start') ?? 0;
  const items = list(value).map((item) =>
    attribute === undefined ? item : mapping(item)[text(attribute)],
  );
  if (Array.isArray(start)) return [...(start as unknown[]), ...items.flatMap(list)];
  return items.reduce<number>((all, item) => all + Number(item), Number(start));
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

const SEMANTIC = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

interface Semantic {
  readonly release: readonly number[];
  /** What stands behind the `-` of a version before its release. */
  readonly early: readonly string[];
}

function semantic(value: unknown): Semantic {
  const match = SEMANTIC.exec(text(value));
  if (match === null) throw new Error(`version: '${text(value)}' is no semantic version`);
  return { release: match.slice(1, 4).map(Number), early: match[4]?.split('.') ?? [] };
}

/** As semver.org says: what comes before a release is less, and what was built does not count. */
function compareSemantic(value: unknown, other: unknown): number {
  const [a, b] = [semantic(value), semantic(other)];
  const order = a.release.map((part, i) => part - (b.release[i] ?? 0)).find((by) => by !== 0);
  if (order !== undefined) return order;
  if (a.early.length === 0 || b.early.length === 0) return b.early.length - a.early.length;
  for (const [i, part] of a.early.entries()) {
    const against = b.early[i];
    if (against === undefined) return 1;
    if (part !== against) return comparePart(part, against);
  }
  return a.early.length - b.early.length;
}

/** Numbers come before words. */
function comparePart(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOtherNumber) return Number(a) - Number(b);
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return a < b ? -1 : 1;
}

function version(value: unknown, other: unknown, ...args: unknown[]): boolean {
  const operator = argument(args, 0, 'operator') ?? '==';
  const type = argument(args, 2, 'version_type');
  const compare = type === 'semver' || type === 'semantic' ? compareSemantic : compareVersions;
  const order = compare(value, other);
  const verdicts: Record<string, boolean> = {
    ...{
      '==': order === 0,
      '=': order === 0,
      eq: order === 0,
      '!=': order !== 0,
      '<>': order !== 0,
    },
    ...{ ne: order !== 0, '<': order < 0, lt: order < 0, '<=': order <= 0, le: order <= 0 },
    ...{ '>': order > 0, gt: order > 0, '>=': order >= 0, ge: order >= 0 },
  };
  const name = typeof operator === 'string' ? operator : '==';
  const verdict = verdicts[name];
  if (verdict === undefined) throw new Error(`version: no operator '${name}'`);
  return verdict;
}

/** A value's type in Python's words. */
function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (typeof value === 'string') return 'str';
  return typeof value === 'boolean' ? 'bool' : 'dict';
}

/** Filters of numbers and of any value. */
export const NUMBER_FILTERS: Readonly<Record<string, TemplateFunction>> = {
  bool,
  int: integer,
  sum,
  log: (value, base) =>
    base === undefined ? Math.log(Number(value)) : Math.log(Number(value)) / Math.log(Number(base)),
  pow: (value, by) => Number(value) ** Number(by),
  root: (value, by = 2) => Number(value) ** (1 / Number(by)),
  ternary: (value, yes, no, none) =>
    (value ?? null) === null && none !== undefined ? none : truthy(value) ? yes : no,
  mandatory: (value, message) => {
    if (value === undefined || value === null)
      throw new Error(typeof message === 'string' ? message : 'mandatory variable is not defined');
    return value;
  },
  type_debug: typeName,
};

function flag(value: unknown, name: string): boolean {
  return mapping(value)[name] === true;
}

const failed: TemplateFunction = (value) => flag(value, 'failed');
const succeeded: TemplateFunction = (value) =>
  !flag(value, 'failed') && !flag(value, 'unreachable');
const changed: TemplateFunction = (value) => flag(value, 'changed');
const skipped: TemplateFunction = (value) => flag(value, 'skipped');
const unreachable: TemplateFunction = (value) => flag(value, 'unreachable');

/** Tests of results, versions and truth. */
export const NUMBER_TESTS: Readonly<Record<string, TemplateFunction>> = {
  ...{ failed, failure: failed, succeeded, success: succeeded, successful: succeeded },
  ...{ changed, change: changed, skipped, skip: skipped, unreachable },
  reachable: (value) => !flag(value, 'unreachable'),
  ...{ version, version_compare: version },
  truthy: (value) => truthy(value),
  falsy: (value) => !truthy(value),
  nan: (value) => Number.isNaN(value),
};
