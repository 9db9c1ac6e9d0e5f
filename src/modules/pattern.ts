import { CaravanError } from '../values/error.js';
import { pythonRegex } from '../values/python-regex.js';

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
