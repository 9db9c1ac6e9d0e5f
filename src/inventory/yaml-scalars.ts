import { CaravanError } from '../values/error.js';

/*
 * Scalars as PyYAML 6 reads them (its resolver.py and constructor.py), which is neither YAML 1.2
 * nor quite YAML 1.1: `y` and `1e3` are text, `0644` is 420, `1:30` is 90, `0o17` is text.
 */
/** A truth value. */
export const BOOL =
  /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
/** Nothing. */
export const NULL = /^(?:~|null|Null|NULL|)$/;
/** A whole number, in any base. */
export const INT =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
/** A number with a point: an exponent alone makes none. */
export const FLOAT =
  /^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/** Python makes no whole number of more digits, and so PyYAML refuses it. */
const MAX_DIGITS = 4_300;

/** A whole number in any of PyYAML's forms; a bigint where a double cannot hold it. */
export function readInt(source: string): number | bigint {
  if (source.length > MAX_DIGITS)
    throw new CaravanError('input', `a number has ${source.length} digits`);
  const negative = source.startsWith('-');
  const digits = source.replace(/^[-+]/, '').replaceAll('_', '');
  let value: bigint;
  if (/^0[0-7]+$/.test(digits)) value = BigInt(`0o${digits.slice(1)}`);
  else if (digits.includes(':')) {
    value = digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  } else value = BigInt(digits === '' ? 0 : digits);
  if (negative) value = -value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A number with a point in any of PyYAML's forms. */
export function readFloat(source: string): number {
  const text = source.replaceAll('_', '').toLowerCase();
  const sign = text.startsWith('-') ? -1 : 1;
  const plain = text.replace(/^[-+]/, '');
  if (plain === '.inf') return sign * Infinity;
  if (plain === '.nan') return NaN;
  if (!plain.includes(':')) return sign * Number(plain);
  return sign * plain.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Whether a truth value is the true one. */
export const readBool = (source: string): boolean => /^(?:y|t|on)/i.test(source);
