/** What went wrong, in the one word that decides the exit code and how a report groups it. */
export type ErrorKind =
  | 'input' // what the operator gave cannot be used
  | 'privilege' // the controller lacks a right or a package
  | 'connect' // a host does not answer
  | 'auth' // a host refuses the login, or sudo its password
  | 'host-key' // a host is not the one that known_hosts knows
  | 'command' // a command ended with an exit code that means failure
  | 'timeout' // a deadline passed
  | 'cancelled' // the operator asked to stop
  | 'gate' // the fleet is not in the state that the step needs
  | 'locked' // another run holds the cluster
  | 'verify' // what was done is not seen to have worked
  | 'bug'; // ours

/** Where an error happened, as far as it is known. */
export interface ErrorPlace {
  readonly host?: string;
  readonly play?: string;
  readonly task?: string;
  /** `file:line:column` of the text that asked for it. */
  readonly source?: string;
}

/** Everything but the message that a {@link CaravanError} can carry. */
export interface ErrorDetail extends ErrorPlace {
  /** What to do about it: one sentence, with the command where there is one. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The root of all expected errors. A message says what was done, what was found and what was
 * needed; `hint` says what to do.
 */
export class CaravanError extends Error {
  override readonly name = 'CaravanError';

  constructor(
    readonly kind: ErrorKind,
    message: string,
    readonly detail: ErrorDetail = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
  }

  /** The same error, with a place added where it had none. */
  at(place: ErrorPlace): CaravanError {
    return new CaravanError(this.kind, this.message, { ...place, ...this.detail });
  }
}

/** Any thrown value as a CaravanError: what is not one already is a `bug`. */
export function asCaravanError(thrown: unknown): CaravanError {
  if (thrown instanceof CaravanError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CaravanError('bug', message, { cause: thrown });
}
