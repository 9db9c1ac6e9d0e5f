import type { Connection, StepOptions, StepResult } from '../transport/port.js';
import type { Script } from '../values/shell.js';

/** One read-only look at a host: one command and one pure parser of what it prints. */
export interface Fact<T> {
  readonly name: string;
  readonly command: Script;
  /** Pure. Throws a `CaravanError` of kind `command` where the result makes no sense. */
  parse(result: StepResult): T;
  /** How several facts of this kind are read with one command. */
  readonly kind?: FactKind<T>;
}

/** What facts that can be read together have in common. */
export interface FactKind<T> {
  /** One fact that gives what all of them give, in their order. It fails where one of them does. */
  together(facts: readonly Fact<T>[]): Fact<readonly T[]>;
}

/** A connection that may read several facts with one command. */
export interface FactReader {
  readFact<T>(fact: Fact<T>, options: FactOptions): Promise<T>;
}

/** How a fact is read. */
export type FactOptions = Pick<StepOptions, 'signal' | 'become'>;

/** Looks at a host, in one round trip. */
export async function readFact<T>(
  connection: Connection | (Connection & FactReader),
  fact: Fact<T>,
  options: FactOptions = {},
): Promise<T> {
  if ('readFact' in connection) return connection.readFact(fact, options);
  return fact.parse(await connection.run(fact.command, options));
}
