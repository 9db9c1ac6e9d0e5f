import { inspect } from 'node:util';

/** What a secret prints as, everywhere. */
export const SECRET_TEXT = '[secret]';

/**
 * A value that has no printable form: `String()`, JSON, template literals and `console.log` all
 * give `[secret]`. Only `reveal()` gives the value, so that every use can be found by its name.
 */
export class Secret<T extends string | Buffer = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. Callers pass it to a key parser or to standard input, never to argv or a log. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return SECRET_TEXT;
  }

  toJSON(): string {
    return SECRET_TEXT;
  }

  [inspect.custom](): string {
    return SECRET_TEXT;
  }
}
