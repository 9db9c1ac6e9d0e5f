import { CaravanError } from '../values/error.js';

/** A name was asked for whose value is known only when the task's turn comes. */
export class NotYet extends CaravanError {
  constructor(name: string) {
    super('input', `'${name}' is known only when the task's turn comes`);
  }

  /** It is caught, not shown. */
  override at(): this {
    return this;
  }
}
