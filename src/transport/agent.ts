import ssh2, { type ParsedKey } from 'ssh2';
import type { Deadline } from './deadline.js';

/** What an agent holds that ssh2 can use, or why it could not be asked. */
export function agentKeys(
  socket: string,
  deadline: Deadline,
): Promise<readonly ParsedKey[] | Error> {
  return new Promise((resolve) => {
    new BoundedAgent(socket, deadline).getIdentities(
      (error?: Error | null, keys?: readonly unknown[]) => {
        resolve(error ?? ((keys ?? []) as ParsedKey[]));
      },
    );
  });
}

/** An agent that may be silent: what it is asked fails when the deadline passes. */
class BoundedAgent extends ssh2.OpenSSHAgent {
  constructor(
    socket: string,
    private readonly deadline: Deadline,
  ) {
    super(socket);
  }

  override getStream(callback: Parameters<ssh2.OpenSSHAgent['getStream']>[0]): void {
    super.getStream((error, stream) => {
      if (stream) {
        const takeBack = this.deadline.onStop(() => stream.destroy());
        stream.once('close', takeBack);
      }
      callback(error, stream);
    });
  }
}

/** An agent of which only these keys are offered: a server counts each one (MaxAuthTries). */
export class PartOfAgent extends BoundedAgent {
  constructor(
    socket: string,
    deadline: Deadline,
    private readonly keys: readonly ParsedKey[] | Error,
  ) {
    super(socket, deadline);
  }

  override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    if (this.keys instanceof Error) callback(this.keys);
    else callback(undefined, [...this.keys]);
  }
}
