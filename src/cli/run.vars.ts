import { readText, readValue } from '../inventory/vars-files.js';
import type { Vault } from '../inventory/vault.js';
import { splitWords } from '../modules/split-words.js';
import { CaravanError } from '../values/error.js';

/** Text as a file of variables is read, sealed values and files opened. */
function read(text: string, file: string, given: string, vault: Vault): Record<string, unknown> {
  const value = readValue(file, text, vault);
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CaravanError('input', `-e ${given}: needs a mapping of variables`);
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

function one(given: string, vault: Vault): Record<string, unknown> {
  if (given.startsWith('@')) {
    const file = given.slice(1);
    return read(readText(file), file, given, vault);
  }
  return /^\s*[{[]/.test(given) ? read(given, '-e', given, vault) : pairs(given);
}

/**
 * Variables of `-e`: `key=value ...` (always text), JSON or YAML in braces, or `@file`; the later
 * over the earlier.
 * @throws CaravanError input that names the option or the file.
 */
export function extraVars(given: readonly string[], vault: Vault): Record<string, unknown> {
  return Object.assign({}, ...given.map((text) => one(text, vault))) as Record<string, unknown>;
}
