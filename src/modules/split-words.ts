import { CaravanError } from '../values/error.js';

const PART = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)|(.)/gsy;

/**
 * Splits a command into words as a POSIX shell does, with quotes and backslashes and nothing
 * else: no variables, no globs, no pipes.
 * @throws CaravanError input at a quote that is not closed.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [all, single, double, escaped, plain, other] of text.matchAll(PART)) {
    if (other !== undefined)
      throw new CaravanError('input', `split '${text}': the quote ${other} is not closed`);
    if (/^\s/.test(all)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    const part = double?.replace(/\\(["\\$`])/g, '$1') ?? single ?? escaped ?? plain ?? '';
    word = (word ?? '') + part;
  }
  return word === undefined ? words : [...words, word];
}
