import {
  binaryTag,
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  Schema,
  seqTag,
  strTag,
} from 'js-yaml';
import { isMapping } from './mapping.js';
import { markUnsafe, SealedText } from './marked-text.js';
import { BOOL, FLOAT, INT, NULL, readBool, readFloat, readInt } from './yaml-scalars.js';

/** What Python's float() and PyYAML's table of booleans take behind `!!float` and `!!bool`. */
const EXPLICIT_FLOAT = /^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?$/;
const EXPLICIT_BOOL = /^(?:yes|no|true|false|on|off)$/i;
const TIME =
  /^([0-9]{4})-([0-9][0-9]?)-([0-9][0-9]?)(?:(?:[Tt]|[ \t]+)([0-9][0-9]?):([0-9][0-9]):([0-9][0-9])(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9][0-9]?)(?::?([0-9][0-9]))?))?)?$/;

/** A date or time as Python's `isoformat()` writes it, which is how ansible prints it. */
function readTime(source: string): string {
  const [, year, month, day, hour, minute, second, fraction, zone, sign, zoneHour, zoneMinute] =
    TIME.exec(source) ?? [];
  const two = (text = '') => text.padStart(2, '0');
  const date = `${year ?? ''}-${two(month)}-${two(day)}`;
  if (hour === undefined) return date;
  const digits = (fraction ?? '').slice(0, 6).padEnd(6, '0');
  const micros = Number(digits) === 0 ? '' : `.${digits}`;
  const time = `${two(hour)}:${two(minute)}:${two(second)}${micros}`;
  if (zone === undefined) return `${date}T${time}`;
  const offset =
    zone === 'Z' ? '+00:00' : `${sign ?? ''}${two(zoneHour)}:${two(zoneMinute ?? '0')}`;
  return `${date}T${time}${offset}`;
}

function scalar<T>(
  name: string,
  first: string,
  pattern: RegExp,
  read: (source: string) => T,
  explicit?: RegExp,
) {
  return defineScalarTag<T>(`tag:yaml.org,2002:${name}`, {
    implicit: true,
    implicitFirstChars: Array.from(first),
    resolve: (source, isExplicit) =>
      pattern.test(source) || (isExplicit && explicit?.test(source)) ? read(source) : NOT_RESOLVED,
    identify: () => false,
  });
}

/** A plain scalar by PyYAML's resolvers, in their order. */
function readPlain(source: string): unknown {
  if (BOOL.test(source)) return readBool(source);
  if (FLOAT.test(source)) return readFloat(source);
  if (INT.test(source)) return readInt(source);
  if (NULL.test(source)) return null;
  return TIME.test(source) ? readTime(source) : source;
}

/** Ansible resolves what stands behind `!unsafe` as if it were plain, and marks the text in it. */
const unsafeTags = [
  defineScalarTag<unknown>('!unsafe', {
    resolve: (source) => markUnsafe(readPlain(source)),
    identify: () => false,
  }),
  defineSequenceTag<unknown[]>('!unsafe', {
    create: () => [],
    addItem: (items, item) => {
      items.push(markUnsafe(item));
    },
    identify: () => false,
  }),
  defineMappingTag<Record<string, unknown>>('!unsafe', {
    ...mapTag,
    addPair: (pairs, key, value) => mapTag.addPair(pairs, key, markUnsafe(value)),
    identify: () => false,
  }),
];

const vaultTags = ['!vault', '!vault-encrypted'].map((name) =>
  defineScalarTag<SealedText>(name, {
    resolve: (source) => new SealedText(source),
    identify: () => false,
  }),
);

const nullTag = defineScalarTag<null>('tag:yaml.org,2002:null', {
  implicit: true,
  implicitFirstChars: ['~', 'n', 'N', ''],
  resolve: (source, isExplicit) => (isExplicit || NULL.test(source) ? null : NOT_RESOLVED),
  identify: () => false,
});

/** PyYAML makes a list of pairs of `!!omap` and of `!!pairs`. */
const pairs = (name: string) =>
  defineSequenceTag<unknown[]>(`tag:yaml.org,2002:${name}`, {
    create: () => [],
    addItem: (carrier, item) => {
      const entries = isMapping(item) ? Object.entries(item) : [];
      carrier.push(entries[0]);
      return entries.length === 1 ? '' : 'each item has to be one key and one value';
    },
    identify: () => false,
  });

/** A set becomes the list of its members, as ansible prints it. */
const listedSetTag = defineMappingTag<Set<unknown>, unknown[]>('tag:yaml.org,2002:set', {
  create: () => new Set(),
  addPair: (carrier, key) => {
    carrier.add(key);
    return '';
  },
  has: (carrier, key) => carrier.has(key),
  keys: (members) => members,
  get: () => null,
  finalize: (carrier) => [...carrier],
  identify: () => false,
});

/** Tags with which js-yaml reads what PyYAML and Ansible's loader read, to the same values. */
export const ANSIBLE_SCHEMA = new Schema([
  strTag,
  seqTag,
  mapTag,
  scalar('bool', 'yYnNtTfFoO', BOOL, readBool, EXPLICIT_BOOL),
  scalar('float', '-+0123456789.', FLOAT, readFloat, EXPLICIT_FLOAT),
  scalar('int', '-+0123456789', INT, readInt),
  mergeTag,
  nullTag,
  scalar('timestamp', '0123456789', TIME, readTime),
  binaryTag,
  pairs('omap'),
  pairs('pairs'),
  listedSetTag,
  ...unsafeTags,
  ...vaultTags,
]);
