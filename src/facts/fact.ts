import type { Connection, StepResult } from '../transport/port.js';
import type { Script } from '../values/shell.js';

/** One read-only look at a host: one command and one pure parser of what it prints. */
export interface Fact<T> {
  readonly name: string;
  readonly command: Script;
  /** Pure. Throws a `CaravanError` of kind `command` where the result makes no sense. */
  parse(result: StepResult): T;
}

/** Looks at a host, in one round trip. */
export async function readFact<T>(
  connection: Connection,
  fact: Fact<T>,
  options: { signal?: AbortSignal; become?: boolean } = {},
): Promise<T> {
  return fact.parse(await connection.run(fact.command, options));
}
