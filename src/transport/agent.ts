import ssh2, { type ParsedKey } from 'ssh2';

/** What an agent holds that ssh2 can use, or why it could not be asked. */
export function agentKeys(socket: string): Promise<readonly ParsedKey[] | Error> {
  return new Promise((resolve) => {
    new ssh2.OpenSSHAgent(socket).getIdentities(
      (error?: Error | null, keys?: readonly unknown[]) => {
        resolve(error ?? ((keys ?? []) as ParsedKey[]));
      },
    );
  });
}

/** An agent of which only these keys are offered: a server counts each one (MaxAuthTries). */
export class PartOfAgent extends ssh2.OpenSSHAgent {
  constructor(
    socket: string,
    private readonly keys: readonly ParsedKey[] | Error,
  ) {
    super(socket);
  }

  override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    if (this.keys instanceof Error) callback(this.keys);
    else callback(undefined, [...this.keys]);
  }
}
