import { CaravanError } from '../values/error.js';
import { pythonRegex, pythonReplacement } from '../values/python-regex.js';

/**
 * A pattern of the playbook.
 * @throws CaravanError input where it is none.
 */
export function patternOf(pattern: string, flags?: string): RegExp {
  try {
    return pythonRegex(pattern, flags);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new CaravanError('input', `'${pattern}' is no pattern: ${cause.message}`, { cause });
  }
}

/**
 * What takes the place of the matches of a pattern of the playbook.
 * @throws CaravanError input where the text asks for a group that the pattern lacks.
 */
export function replacementOf(text: string, regex: RegExp): (...found: unknown[]) => string {
  try {
    return pythonReplacement(text, regex);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new CaravanError('input', `'${text}' is no replacement: ${cause.message}`, { cause });
  }
}
