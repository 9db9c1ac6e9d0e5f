import { isMapping } from './mapping.js';

/**
 * Text that an inventory marks `!unsafe`: it is never a template. Whoever templates variables
 * takes `text` as it is.
 */
export class UnsafeText {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** A value with every text in it marked. */
export function markUnsafe(value: unknown): unknown {
  if (typeof value === 'string') return new UnsafeText(value);
  if (Array.isArray(value)) return value.map(markUnsafe);
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, markUnsafe(item)]));
}
