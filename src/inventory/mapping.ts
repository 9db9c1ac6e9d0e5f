import type { Vars } from './data.js';

/** Whether a value is a YAML or JSON mapping. */
export function isMapping(value: unknown): value is Vars {
  return (
    typeof value === 'object' &&
    value !== null &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
  );
}

/** What a value is, in the words of the person who wrote it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isMapping(value)) return 'a mapping';
  const kinds: Partial<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    bigint: 'a number',
    boolean: 'true or false',
  };
  return kinds[typeof value] ?? 'a tagged value';
}
