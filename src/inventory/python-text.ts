import { Secret } from '../values/secret.js';
import type { Vars } from './data.js';
import { isMapping } from './mapping.js';
import { SealedText, UnsafeText } from './marked-text.js';
import { byCodePoint } from './vars-files.js';

/** How values are written. */
export interface PrintOptions {
  /** Write decrypted vault values instead of `[secret]` (default false). */
  readonly showSecrets?: boolean;
  /** Write `!unsafe` text as Ansible's JSON does, `{"__ansible_unsafe": text}` (default false). */
  readonly markUnsafe?: boolean;
}

/**
 * A value as JSON values and Maps only: secrets and sealed text in their printable form.
 */
export function printable(value: unknown, options: PrintOptions): unknown {
  if (value instanceof Secret) {
    const secret: string | Buffer = value.reveal() as string | Buffer;
    return options.showSecrets ? secret.toString() : String(value);
  }
  if (value instanceof UnsafeText) {
    return options.markUnsafe ? new Map([['__ansible_unsafe', value.text]]) : value.text;
  }
  if (value instanceof SealedText) return new Map([['__ansible_vault', value.ciphertext]]);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map((item) => printable(item, options));
  if (!isMapping(value)) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, printable(item, options)]));
}

/** JSON as Ansible writes it: `json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False)`. */
export function pythonJson(value: unknown, options: PrintOptions = {}): string {
  return json(value, '\n', options);
}

function json(value: unknown, line: string, options: PrintOptions): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return jsonNumber(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return 'null';
  const inner = `${line}    `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[${inner}${value.map((item) => json(item, inner, options)).join(`,${inner}`)}${line}]`;
  }
  if (isMapping(value)) {
    const keys = sortedKeys(value);
    if (keys.length === 0) return '{}';
    const parts = keys.map((key) => `${JSON.stringify(key)}: ${json(value[key], inner, options)}`);
    return `{${inner}${parts.join(`,${inner}`)}${line}}`;
  }
  const shown = printable(value, options);
  return json(shown instanceof Map ? Object.fromEntries(shown) : shown, line, options);
}

/** Keys in Python's order, which is that of code points. */
function sortedKeys(vars: Vars): string[] {
  const keys = Object.keys(vars);
  // only where there are surrogates does the order of UTF-16 differ, and it is far faster
  return keys.some((key) => /[\ud800-\udfff]/.test(key)) ? keys.sort(byCodePoint) : keys.sort();
}

/** Entries of a mapping by key, as Python sorts text. */
export function sortedEntries<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => byCodePoint(a, b));
}

function jsonNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return numberText(value);
}

/** A number as Python writes it: an exponent has two digits and begins at 1e16 and below 1e-4. */
function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (Number.isSafeInteger(value) || (size >= 1e-4 && size < 1e16)) return String(value);
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const sign = exponent.startsWith('-') ? '-' : '+';
  return `${mantissa}e${sign}${exponent.replace(/^[-+]/, '').padStart(2, '0')}`;
}

/** A value as Python's `str()` writes it, which `--graph --vars` shows. */
export function pythonText(value: unknown, options: PrintOptions = {}): string {
  const shown = printable(value, options);
  return typeof shown === 'string' ? shown : repr(shown);
}

function repr(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value instanceof Map) {
    const entries = [...(value as Map<string, unknown>)];
    return `{${entries.map(([key, item]) => `${textRepr(key)}: ${repr(item)}`).join(', ')}}`;
  }
  if (typeof value === 'string') return textRepr(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') return 'None';
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return numberText(value);
}

const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

function textRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replace(/[\\\x00-\x1f\x7f-\xa0\xad]|'/g, (letter) => {
    if (letter === "'") return quote === "'" ? "\\'" : letter;
    return SHORT[letter] ?? `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return quote + inner + quote;
}
