import * as z from 'zod';
import { SealedText, UnsafeText } from '../inventory/marked-text.js';
import type { AnyModule } from '../modules/module.js';
import { CaravanError } from '../values/error.js';
import { coerceArgs } from './coerce-args.js';
import { didYouMean } from './nearest.js';
import type { Args, Source } from './model.js';

/** Whether a value holds a template or marked text somewhere, so that only a run can tell what it is. */
export function holdsTemplate(value: unknown): boolean {
  if (typeof value === 'string') return /\{\{|\{%/.test(value);
  if (Array.isArray(value)) return value.some(holdsTemplate);
  if (value instanceof UnsafeText || value instanceof SealedText) return true;
  if (value !== null && typeof value === 'object') return Object.values(value).some(holdsTemplate);
  return false;
}

/** The place of a key path, or of the nearest key above it. */
export function sourceOf(args: Args, path: readonly PropertyKey[]): Source {
  for (let length = path.length; length >= 0; length -= 1) {
    const source = args.sources.get(path.slice(0, length).map(String).join('.'));
    if (source !== undefined) return source;
  }
  return '';
}

/** The keys of a module's input, where its schema is an object (or a refined one). */
export function inputKeys(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodPipe) return inputKeys(schema.in as z.ZodType);
  if (schema instanceof z.ZodUnion)
    return [...new Set(schema.options.flatMap((option) => inputKeys(option as z.ZodType)))];
  return [];
}

/** The first mistake that zod found, as an error with its place and the nearest valid key. */
export function argsError(
  module: AnyModule,
  args: Args,
  issues: readonly z.core.$ZodIssue[],
  what: string,
): CaravanError {
  const issue = issues[0];
  const path = issue?.path ?? [];
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    return new CaravanError('input', `${what}: module '${module.name}' has no key '${key}'`, {
      source: sourceOf(args, [...path, key]),
      hint: didYouMean(key, inputKeys(module.input)),
    });
  }
  const at = path.length === 0 ? '' : ` '${path.map(String).join('.')}'`;
  return new CaravanError(
    'input',
    `${what}: module '${module.name}':${at} ${issue?.message ?? 'input is not valid'}`,
    { source: sourceOf(args, path) },
  );
}

/**
 * Checks a task's arguments before a run: every key always, every value that holds no template.
 * @throws CaravanError input with the place of the first mistake.
 */
export function checkArgs(module: AnyModule, args: Args, what: string): void {
  const known = inputKeys(module.input);
  for (const key of Object.keys(args.value)) {
    if (known.length === 0 || known.includes(key)) continue;
    throw new CaravanError('input', `${what}: module '${module.name}' has no key '${key}'`, {
      source: sourceOf(args, [key]),
      hint: didYouMean(key, known),
    });
  }
  const parsed = module.input.safeParse(coerceArgs(module.input, args.value));
  if (parsed.success) return;
  // A template may give anything: only mistakes that no template stands under are certain.
  const certain = parsed.error.issues.filter(
    (issue) => !holdsTemplate(valueAt(args.value, issue.path)),
  );
  const first = certain.find(({ path, code }) => path.length > 0 || code !== 'invalid_union');
  if (first !== undefined) throw argsError(module, args, [first], what);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      inner !== null && typeof inner === 'object'
        ? (inner as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}
