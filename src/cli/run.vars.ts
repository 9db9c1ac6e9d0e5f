import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { splitWords } from '../modules/split-words.js';
import { CaravanError } from '../values/error.js';

function mapping(value: unknown, given: string): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new CaravanError('input', `-e ${given}: needs a mapping of variables`);
}

function yaml(text: string, given: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text, { version: '1.1' });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaravanError('input', `-e ${given}: ${why}`, { cause });
  }
  return mapping(value, given);
}

function pairs(text: string): Record<string, unknown> {
  return Object.fromEntries(
    splitWords(text).map((word) => {
      const at = word.indexOf('=');
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new CaravanError('input', `-e ${text}: '${word}' is no key=value`);
    }),
  );
}

function one(given: string): Record<string, unknown> {
  if (given.startsWith('@')) {
    let text: string;
    try {
      text = readFileSync(given.slice(1), 'utf8');
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CaravanError('input', `-e ${given}: ${why}`, { cause });
    }
    return yaml(text, given);
  }
  return /^\s*[{[]/.test(given) ? yaml(given, given) : pairs(given);
}

/**
 * Variables of `-e`: `key=value ...` (always text), JSON or YAML in braces, or `@file`; the later
 * over the earlier.
 * @throws CaravanError input that names the option as given.
 */
export function extraVars(given: readonly string[]): Record<string, unknown> {
  return Object.assign({}, ...given.map(one)) as Record<string, unknown>;
}
