import { readFileSync } from 'node:fs';
import ssh2, { type BaseAgent, type ParsedKey } from 'ssh2';

/**
 * The agent as far as one key goes, where it holds the key of `file`: a server counts each key that
 * it is shown (MaxAuthTries), so the others are not. Undefined where it does not, or where there is
 * no `.pub` beside the file to tell by.
 */
export async function agentHolding(socket: string, file: string): Promise<BaseAgent | undefined> {
  const wanted = publicKey(file);
  const held = wanted !== undefined && (await identities(socket)).some((key) => key.equals(wanted));
  return held ? new OneKeyAgent(socket, wanted) : undefined;
}

class OneKeyAgent extends ssh2.OpenSSHAgent {
  constructor(
    socket: string,
    private readonly wanted: Buffer,
  ) {
    super(socket);
  }

  override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    super.getIdentities((error?: Error | null, keys?: readonly unknown[]) => {
      const found = (keys ?? []) as ParsedKey[];
      callback(
        error ?? undefined,
        found.filter((key) => key.getPublicSSH().equals(this.wanted)),
      );
    });
  }
}

function identities(socket: string): Promise<Buffer[]> {
  return new Promise((resolve) => {
    new ssh2.OpenSSHAgent(socket).getIdentities(
      (error?: Error | null, keys?: readonly unknown[]) => {
        // No agent answers: then it holds nothing.
        resolve(error ? [] : ((keys ?? []) as ParsedKey[]).map((key) => key.getPublicSSH()));
      },
    );
  });
}

function publicKey(file: string): Buffer | undefined {
  try {
    const [, base64 = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
    return Buffer.from(base64, 'base64');
  } catch {
    return undefined;
  }
}
