import { createHash } from 'node:crypto';
import { basename, dirname, extname, isAbsolute, join, normalize, relative } from 'node:path';
import { dump, load, loadAll } from 'js-yaml';
import { ANSIBLE_SCHEMA } from '../../inventory/yaml-values.js';
import { jsonLine } from '../../values/json.js';
import { pythonRegex, pythonReplacement } from '../../values/python-regex.js';
import { quoteWord } from '../../values/shell.js';
import { argument, list, mapping, options, text, truthy, type TemplateFunction } from './values.js';

function flagsOf(args: readonly unknown[], first: number): string {
  const ignoreCase = truthy(argument(args, first, 'ignorecase'));
  const multiline = truthy(argument(args, first + 1, 'multiline'));
  return `${ignoreCase ? 'i' : ''}${multiline ? 'm' : ''}`;
}

function regexReplace(value: unknown, pattern: unknown, by: unknown, ...args: unknown[]): string {
  const named = options([by, ...args]);
  const ignoreCase = truthy(named['ignorecase']) || args[0] === true;
  const flags = `g${ignoreCase ? 'i' : ''}${truthy(named['multiline']) ? 'm' : ''}`;
  let left = Number(named['count'] ?? 0) || Infinity;
  const regex = pythonRegex(text(pattern), flags);
  const filled = pythonReplacement(by === named ? '' : text(by), regex);
  return text(value).replace(regex, (all: string, ...groups: unknown[]) => {
    left -= 1;
    return left < 0 ? all : filled(all, ...groups);
  });
}

/** The whole match, or the groups that `\\1` and `\\g<name>` ask for. */
function regexSearch(value: unknown, pattern: unknown, ...args: unknown[]): unknown {
  const wanted = args.filter(
    (arg): arg is string => typeof arg === 'string' && arg.startsWith('\\'),
  );
  const match = pythonRegex(text(pattern), flagsOf([options(args)], 9)).exec(text(value));
  if (match === null) return null;
  if (wanted.length === 0) return match[0];
  return wanted.map((one) => {
    const name = /^\\g<(\w+)>$/.exec(one)?.[1] ?? one.slice(1);
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? null;
  });
}

function regexFindall(value: unknown, pattern: unknown, ...args: unknown[]): unknown[] {
  return [...text(value).matchAll(pythonRegex(text(pattern), `g${flagsOf(args, 0)}`))].map(
    (match) => {
      const groups = match.slice(1).map((group: string | undefined) => group ?? '');
      if (groups.length === 0) return match[0];
      return groups.length === 1 ? groups[0] : groups;
    },
  );
}

/** How `json.dumps` is to write: in one line unless there is an indent. */
interface JsonForm {
  readonly indent?: number;
  readonly sorted: boolean;
  readonly ascii: boolean;
}

/** All but printable ASCII, and but the marks around a secret. */
const NOT_ASCII = /[\x7f-\ue0c0\ue0c3-\uffff]/g;

/** JSON as Python's `json.dumps` writes it: a space after each comma and colon. */
function toJson(value: unknown, { indent, sorted, ascii }: JsonForm): string {
  const ordered = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map(ordered);
    if (inner === null || typeof inner !== 'object') return inner;
    const entries = Object.entries(inner);
    if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return Object.fromEntries(entries.map(([key, item]) => [key, ordered(item)]));
  };
  const whole = ordered(value ?? null);
  const json = indent === undefined ? jsonLine(whole) : JSON.stringify(whole, null, indent);
  if (!ascii) return json;
  return json.replace(
    NOT_ASCII,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** As Jinja2's `indent`: the last newline stays. */
function indent(value: unknown, ...args: unknown[]): string {
  const width = argument(args, 0, 'width') ?? 4;
  const by = typeof width === 'string' ? width : ' '.repeat(Number(width));
  const isFirst = truthy(argument(args, 1, 'first'));
  const isBlank = truthy(argument(args, 2, 'blank'));
  return text(value)
    .split('\n')
    .map((line, i) => ((i === 0 ? isFirst : isBlank || line !== '') ? by + line : line))
    .join('\n');
}

/** As PyYAML writes it: keys sorted, lists not indented, text quoted where it must be. */
function toYaml(value: unknown, indent: number): string {
  return dump(value, { indent, sortKeys: true, seqNoIndent: true, lineWidth: -1, noRefs: true });
}

/** A key that stands twice has its last value. */
const YAML = { schema: ANSIBLE_SCHEMA, json: true };

/** `printf` of Python: `%s`, `%d`, `%05.2f`, `%x`. */
const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

function humanReadable(value: unknown, ...args: unknown[]): string {
  const isBits = truthy(argument(args, 0, 'isbits'));
  const wanted = argument(args, 1, 'unit');
  const size = Number(value);
  const by =
    typeof wanted === 'string'
      ? UNITS.indexOf(wanted.toUpperCase())
      : Math.max(
          0,
          UNITS.findLastIndex((_, i) => size >= 1024 ** i),
        );
  const unit = UNITS[by] ?? '';
  const name = isBits ? (unit === '' ? 'bits' : `${unit}b`) : unit === '' ? 'Bytes' : `${unit}B`;
  return `${(size / 1024 ** by).toFixed(2)} ${name}`;
}

function humanToBytes(value: unknown, unit: unknown): number {
  const [, number, given] = /^\s*([\d.]+)\s*([A-Za-z]?)/.exec(text(value)) ?? [];
  if (number === undefined) throw new Error(`human_to_bytes: '${text(value)}' is no size`);
  const letter = (given === '' ? text(unit ?? '') : (given ?? '')).charAt(0).toUpperCase();
  const by = letter === 'B' ? 0 : UNITS.indexOf(letter);
  if (by < 0) throw new Error(`human_to_bytes: no unit '${letter}'`);
  return Math.round(Number(number) * 1024 ** by);
}

function urlsplit(value: unknown, part: unknown): unknown {
  const url = new URL(text(value));
  const all: Record<string, unknown> = {
    scheme: url.protocol.slice(0, -1),
    netloc: `${url.username === '' ? '' : `${url.username}@`}${url.host}`,
    hostname: url.hostname,
    port: url.port === '' ? null : Number(url.port),
    path: url.pathname,
    query: url.search.slice(1),
    fragment: url.hash.slice(1),
    username: url.username === '' ? null : url.username,
    password: url.password === '' ? null : url.password,
  };
  if (typeof part !== 'string') return all;
  if (!(part in all)) throw new Error(`urlsplit: no part '${part}'`);
  return all[part];
}

function splitext(path: string): [string, string] {
  const end = extname(path);
  return [end === '' ? path : path.slice(0, -end.length), end];
}

function digest(algorithm: string): TemplateFunction {
  return (value) => createHash(algorithm).update(text(value)).digest('hex');
}

/** Filters of text. */
export const TEXT_FILTERS: Readonly<Record<string, TemplateFunction>> = {
  b64encode: (value) => Buffer.from(text(value), 'utf8').toString('base64'),
  b64decode: (value) => Buffer.from(text(value), 'base64').toString('utf8'),
  indent,
  string: (value) => (value === null || value === undefined ? 'None' : text(value)),
  to_json: (value, ...args) => {
    const { indent, sort_keys: sorted, ensure_ascii: ascii = true } = options(args);
    const form = { sorted: truthy(sorted), ascii: truthy(ascii) };
    return toJson(value, typeof indent === 'number' ? { ...form, indent } : form);
  },
  to_nice_json: (value, ...args) => {
    const { sort_keys: sorted = true, ensure_ascii: ascii = true } = options(args);
    const width = Number(argument(args, 0, 'indent') ?? 4);
    return toJson(value, { indent: width, sorted: truthy(sorted), ascii: truthy(ascii) });
  },
  from_json: (value) => JSON.parse(text(value)) as unknown,
  to_yaml: (value, ...args) => toYaml(value, Number(options(args)['indent'] ?? 2)),
  to_nice_yaml: (value, ...args) => toYaml(value, Number(argument(args, 0, 'indent') ?? 4)),
  from_yaml: (value) => (text(value).trim() === '' ? null : load(text(value), YAML)),
  from_yaml_all: (value) => loadAll(text(value), YAML),
  regex_replace: regexReplace,
  regex_search: regexSearch,
  regex_findall: regexFindall,
  regex_escape: (value) => text(value).replace(/[\\^$.*+?()[\]{}|#\s-]/g, '\\$&'),
  basename: (value) => basename(text(value)),
  dirname: (value) => (dirname(text(value)) === '.' ? '' : dirname(text(value))),
  splitext: (value) => splitext(text(value)),
  path_join: (value) =>
    Array.isArray(value)
      ? value.reduce<string>(
          (at, one) => (isAbsolute(text(one)) ? text(one) : join(at, text(one))),
          '',
        )
      : text(value),
  relpath: (value, start) => relative(text(start), text(value)),
  normpath: (value) => normalize(text(value)),
  // In the form of Python's shlex, since texts are compared.
  quote: (value) => {
    const word = text(value);
    return word.includes("'") ? `'${word.replaceAll("'", `'"'"'`)}'` : quoteWord(word);
  },
  hash: (value, algorithm = 'sha1') =>
    createHash(text(algorithm)).update(text(value)).digest('hex'),
  checksum: digest('sha1'),
  sha1: digest('sha1'),
  md5: digest('md5'),
  center: (value, width = 80) => {
    const size = Number(width);
    const shown = text(value);
    const left = Math.floor((size - shown.length) / 2);
    return shown.padStart(shown.length + Math.max(0, left)).padEnd(size);
  },
  wordcount: (value) => text(value).split(/\s+/).filter(Boolean).length,
  comment: (value) =>
    [
      '#',
      ...text(value)
        .split('\n')
        .map((one) => (one === '' ? '#' : `# ${one}`)),
      '#',
    ].join('\n'),
  human_readable: humanReadable,
  human_to_bytes: humanToBytes,
  urlsplit,
  urlencode: (value) =>
    typeof value === 'object' && value !== null
      ? new URLSearchParams(
          Object.entries(mapping(value)).map(([key, item]): [string, string] => [key, text(item)]),
        ).toString()
      : encodeURIComponent(text(value)).replaceAll('%2F', '/'),
  splitlines: (value) => text(value).split(/\r?\n/),
  strftime: (value, seconds) => strftime(text(value), seconds),
};

const TIME: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => String(time.getUTCFullYear()),
  m: (time) => String(time.getUTCMonth() + 1).padStart(2, '0'),
  d: (time) => String(time.getUTCDate()).padStart(2, '0'),
  H: (time) => String(time.getUTCHours()).padStart(2, '0'),
  M: (time) => String(time.getUTCMinutes()).padStart(2, '0'),
  S: (time) => String(time.getUTCSeconds()).padStart(2, '0'),
  s: (time) => String(Math.floor(time.getTime() / 1000)),
  F: (time) => time.toISOString().slice(0, 10),
  T: (time) => time.toISOString().slice(11, 19),
};

/** In UTC. A time that is not given is an error: a template has no clock. */
function strftime(pattern: string, seconds: unknown): string {
  if (seconds === undefined || seconds === null)
    throw new Error('strftime needs a time, in seconds');
  const time = new Date(Number(seconds) * 1000);
  return pattern.replace(/%([A-Za-z%])/g, (all, letter: string) =>
    letter === '%' ? '%' : (TIME[letter]?.(time) ?? all),
  );
}

/** Tests of text. */
export const TEXT_TESTS: Readonly<Record<string, TemplateFunction>> = {
  match: (value, pattern, ...args) =>
    pythonRegex(text(pattern), `y${flagsOf(args, 0)}`).test(text(value)),
  search: (value, pattern, ...args) =>
    pythonRegex(text(pattern), flagsOf(args, 0)).test(text(value)),
  regex: (value, pattern, ...args) =>
    pythonRegex(text(pattern), flagsOf(args, 0)).test(text(value)),
  abs: (value) => isAbsolute(text(value)),
  is_abs: (value) => isAbsolute(text(value)),
  url: (value) => URL.canParse(text(value)),
  vault_encrypted: (value) => text(value).startsWith('$ANSIBLE_VAULT'),
};

/** Joins a list with an attribute of its items, as `join(',', attribute='name')`. */
export function joinWith(value: unknown, ...args: unknown[]): string {
  const by = argument(args, 0, 'd');
  const attribute = argument(args, 1, 'attribute');
  const items = typeof value === 'string' ? Array.from(value) : list(value);
  const shown =
    attribute === undefined ? items : items.map((item) => mapping(item)[text(attribute)]);
  return shown.map(text).join(by === undefined ? '' : text(by));
}
