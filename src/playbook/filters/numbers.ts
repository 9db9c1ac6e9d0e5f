import { randomInt } from 'node:crypto';
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

/** As Python's LooseVersion: numbers and words in turn; of two that begin alike, the longer is more. */
function compareLoose(value: unknown, other: unknown): number {
  const parts = (v: unknown): (string | number)[] =>
    (text(v).match(/\d+|[a-z]+|[^.\da-z]+/g) ?? []).map((part) =>
      /^\d/.test(part) ? Number(part) : part,
    );
  const [a, b] = [parts(value), parts(other)];
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const [one, two] = [a[i] ?? 0, b[i] ?? 0];
    if (typeof one !== typeof two)
      throw new Error(`version: '${text(value)}' and '${text(other)}' cannot be compared`);
    if (one !== two) return one < two ? -1 : 1;
  }
  return a.length - b.length;
}

const STRICT = /^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?$/;

/** As Python's StrictVersion: two or three numbers, and perhaps `a1` or `b2`, which come before. */
function compareStrict(value: unknown, other: unknown): number {
  const parts = (v: unknown): number[] => {
    const match = STRICT.exec(text(v));
    if (match === null) throw new Error(`version: '${text(v)}' is no strict version`);
    const [, major, minor, patch = 0, early, number = 0] = match;
    return [major, minor, patch, early === undefined ? 2 : early === 'b' ? 1 : 0, number].map(
      Number,
    );
  };
  return compareLists(parts(value), parts(other));
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i += 1) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return 0;
}

const PEP440 = new RegExp(
  [
    '^v?(?:(\\d+)!)?(\\d+(?:\\.\\d+)*)',
    '(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\\d*))?',
    '(?:-(\\d+)|[-_.]?(post|rev|r)[-_.]?(\\d*))?(?:[-_.]?(dev)[-_.]?(\\d*))?(?:\\+[a-z0-9._-]+)?$',
  ].join(''),
  'i',
);

/** As PEP 440 orders: `1.dev1 < 1a1.dev1 < 1a1 < 1rc1 < 1 < 1.post1`. What stands behind `+` is not compared. */
function comparePep440(value: unknown, other: unknown): number {
  const parts = (v: unknown) => {
    const match = PEP440.exec(text(v).trim());
    if (match === null) throw new Error(`version: '${text(v)}' is no version of PEP 440`);
    const [, epoch = 0, release = '', early, at, dash, post, after, dev, day] = match;
    const stage = early === undefined ? undefined : ({ a: 0, b: 1 }[early[0] ?? ''] ?? 2);
    const isAfter = dash !== undefined || post !== undefined;
    const onlyDev = early === undefined && !isAfter && dev !== undefined;
    const behind = [
      onlyDev ? -1 : (stage ?? 3),
      Number(at ?? 0),
      isAfter ? Number(dash ?? after ?? 0) : -1,
      dev === undefined ? Infinity : Number(day ?? 0),
    ];
    return { release: [Number(epoch), ...release.split('.').map(Number)], behind };
  };
  const [a, b] = [parts(value), parts(other)];
  const length = Math.max(a.release.length, b.release.length);
  const whole = (list: readonly number[]): number[] =>
    Array.from({ length }, (_, i) => list[i] ?? 0);
  return compareLists([...whole(a.release), ...a.behind], [...whole(b.release), ...b.behind]);
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

const COMPARE: Readonly<Record<string, (value: unknown, other: unknown) => number>> = {
  ...{ loose: compareLoose, strict: compareStrict, pep440: comparePep440 },
  ...{ semver: compareSemantic, semantic: compareSemantic },
};

function version(value: unknown, other: unknown, ...args: unknown[]): boolean {
  const operator = argument(args, 0, 'operator') ?? '==';
  const strict = argument(args, 1, 'strict') === true ? 'strict' : 'loose';
  const type = text(argument(args, 2, 'version_type') ?? strict);
  const compare = Object.hasOwn(COMPARE, type) ? COMPARE[type] : undefined;
  if (compare === undefined)
    throw new Error(
      `version: no version_type '${type}'; there are ${Object.keys(COMPARE).join(', ')}`,
    );
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

/** An item of a list, or a number below one, by chance. */
function random(value: unknown, args: readonly unknown[]): unknown {
  const seed = argument(args, 2, 'seed');
  if (seed !== undefined)
    throw new Error("random: 'seed' is not there: its choice is Python's own");
  if (typeof value !== 'number') return list(value)[randomInt(list(value).length)];
  const start = Number(argument(args, 0, 'start') ?? 0);
  const step = Number(argument(args, 1, 'step') ?? 1);
  return start + step * randomInt(Math.ceil((value - start) / step));
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
  random: (value, ...args) => random(value, args),
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
