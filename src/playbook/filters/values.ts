import { pythonText } from '../../inventory/python-text.js';

/** A filter or test: the value, then its arguments. Keyword arguments come last, as an object. */
export type TemplateFunction = (value: unknown, ...args: unknown[]) => unknown;

/** A value as text, as Python's `str()` gives it; nothing is empty. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : pythonText(value);
}

/** @throws Error for anything else. */
export function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new Error(`needs a list, found ${typeof value}`);
}

/** @throws Error for anything else. */
export function mapping(value: unknown): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`needs a mapping, found ${Array.isArray(value) ? 'a list' : typeof value}`);
}

/** Whether two values are the same, however deep. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The keyword arguments among others, which stand last as an object. */
export function options(args: readonly unknown[]): Record<string, unknown> {
  const last = args.at(-1);
  return last !== null && typeof last === 'object' && !Array.isArray(last)
    ? (last as Record<string, unknown>)
    : {};
}

/** An argument by its place or its name. */
export function argument(args: readonly unknown[], place: number, name: string): unknown {
  const named = options(args);
  if (Object.hasOwn(named, name)) return named[name];
  const given = args[place];
  return given === named ? undefined : given;
}

/** What Jinja counts as true. */
export function truthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0;
  return Boolean(value);
}
