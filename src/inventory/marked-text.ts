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

/** A `!vault` value for which no password was given. It prints as Ansible prints it: encrypted. */
export class SealedText {
  constructor(readonly ciphertext: string) {}

  toString(): string {
    return '[vault]';
  }

  toJSON(): string {
    return '[vault]';
  }
}

/** JSON with what Ansible's own JSON wraps: `__ansible_unsafe` and `__ansible_vault`. */
export function parseAnsibleJson(text: string): unknown {
  return JSON.parse(text, text.includes('"__ansible_') ? unwrap : undefined) as unknown;
}

function unwrap(_: string, value: unknown): unknown {
  if (!isMapping(value) || Object.keys(value).length !== 1) return value;
  const { __ansible_unsafe: unsafe, __ansible_vault: vault } = value;
  if (typeof unsafe === 'string') return new UnsafeText(unsafe);
  return typeof vault === 'string' ? new SealedText(vault) : value;
}
