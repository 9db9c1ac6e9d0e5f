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

function coerce(schema: z.ZodType, value: unknown): unknown {
  const wanted = inner(schema);
  if (wanted instanceof z.ZodBoolean) {
    if (typeof value === 'string') return BOOLEANS[value.toLowerCase()] ?? value;
    return value === 1 || value === 0 ? value === 1 : value;
  }
  if (wanted instanceof z.ZodNumber && typeof value === 'string' && value.trim() !== '') {
    const number = Number(value);
    return Number.isFinite(number) ? number : value;
  }
  if (wanted instanceof z.ZodString && ['number', 'boolean'].includes(typeof value))
    return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
  if (wanted instanceof z.ZodArray && ['string', 'number'].includes(typeof value))
    return String(value)
      .split(',')
      .map((part) => part.trim());
  return value;
}

/**
 * A module's arguments in the types that its schema wants, by Ansible's rules: `yes` is true where
 * a boolean is wanted, digits are a number, a number is text, and text with commas is a list.
 */
export function coerceArgs(
  schema: z.ZodType,
  args: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const shape = shapeOf(schema);
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => {
      const field = shape[key];
      return [key, field === undefined ? value : coerce(field, value)];
    }),
  );
}
