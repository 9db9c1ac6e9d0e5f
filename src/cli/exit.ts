import type { RunOutcome } from '../engine/options.js';
import type { CaravanError, ErrorKind } from '../values/error.js';

/** Exit codes of every command, as Ansible's. */
export const EXIT = {
  ok: 0,
  error: 1,
  failedHosts: 2,
  unreachable: 4,
  badOptions: 5,
  cancelled: 99,
  bug: 250,
} as const;

const OF_OUTCOME: Readonly<Record<RunOutcome['outcome'], number>> = {
  ok: EXIT.ok,
  failed: EXIT.failedHosts,
  unreachable: EXIT.unreachable,
  cancelled: EXIT.cancelled,
};

const OF_KIND: Readonly<Record<ErrorKind, number>> = {
  input: EXIT.error,
  privilege: EXIT.error,
  connect: EXIT.unreachable,
  auth: EXIT.unreachable,
  'host-key': EXIT.unreachable,
  command: EXIT.failedHosts,
  timeout: EXIT.failedHosts,
  cancelled: EXIT.cancelled,
  gate: EXIT.failedHosts,
  locked: EXIT.error,
  verify: EXIT.failedHosts,
  bug: EXIT.bug,
};

/** The exit code of a run. */
export function exitCodeOf({ outcome }: Pick<RunOutcome, 'outcome'>): number {
  return OF_OUTCOME[outcome];
}

/** The exit code of an error that ended a command. */
export function exitCodeOfError({ kind }: CaravanError): number {
  return OF_KIND[kind];
}
