import * as z from 'zod';

/** The type inside `optional`, `default` and the like. */
function inner(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return inner(schema.unwrap() as z.ZodType);
  return schema instanceof z.ZodPipe ? inner(schema.in as z.ZodType) : schema;
}

/** The fields of an input that is an object, refined or not. */
function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  const bare = inner(schema);
  return bare instanceof z.ZodObject ? bare.shape : {};
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...{ yes: true, true: true, on: true, y: true, t: true, '1': true },
  ...{ no: false, false: false, off: false, n: false, f: false, '0': false },
};

/** What a field is to be. */
type Wanted = 'boolean' | 'number' | 'text' | 'list' | 'anything';

function wantedBy(schema: z.ZodType): Wanted {
  const bare = inner(schema);
  if (bare instanceof z.ZodBoolean) return 'boolean';
  if (bare instanceof z.ZodNumber) return 'number';
  if (bare instanceof z.ZodString) return 'text';
  return bare instanceof z.ZodArray ? 'list' : 'anything';
}

/** What the fields of a schema are to be: each module is asked for every task and host. */
const WANTED = new WeakMap<z.ZodType, ReadonlyMap<string, Wanted>>();

function fieldsOf(schema: z.ZodType): ReadonlyMap<string, Wanted> {
  const known = WANTED.get(schema);
  if (known !== undefined) return known;
  const fields = new Map(
    Object.entries(shapeOf(schema)).map(([key, field]) => [key, wantedBy(field)]),
  );
  WANTED.set(schema, fields);
  return fields;
}

function coerce(wanted: Wanted | undefined, value: unknown): unknown {
  switch (wanted) {
    case 'boolean':
      if (typeof value === 'string') return BOOLEANS[value.toLowerCase()] ?? value;
      return value === 1 || value === 0 ? value === 1 : value;
    case 'number': {
      if (typeof value !== 'string' || value.trim() === '') return value;
      const number = Number(value);
      return Number.isFinite(number) ? number : value;
    }
    case 'text':
      if (typeof value === 'boolean') return value ? 'True' : 'False';
      return typeof value === 'number' ? String(value) : value;
    case 'list':
      if (typeof value !== 'string' && typeof value !== 'number') return value;
      return String(value)
        .split(',')
        .map((part) => part.trim());
    case 'anything':
    case undefined:
      return value;
  }
}

/**
 * A module's arguments in the types that its schema wants, by Ansible's rules: `yes` is true where
 * a boolean is wanted, digits are a number, a number is text, and text with commas is a list.
 */
export function coerceArgs(
  schema: z.ZodType,
  args: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const fields = fieldsOf(schema);
  return Object.fromEntries(
    Object.keys(args).map((key) => [key, coerce(fields.get(key), args[key])]),
  );
}
