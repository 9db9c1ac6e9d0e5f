import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';

/**
 * Asks on the terminal without showing what is typed. Throws a CaravanError of kind `input` where
 * there is no terminal.
 */
export async function askSecret(prompt: string): Promise<Secret> {
  if (!process.stdin.isTTY) {
    throw new CaravanError('input', 'a password was to be asked for, and there is no terminal');
  }
  process.stderr.write(prompt);
  const nowhere = new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return new Secret(
      await new Promise<string>((resolve) => {
        lines.question('', resolve);
      }),
    );
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
