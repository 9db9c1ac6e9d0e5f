import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';

/**
 * Asks for a password on the terminal, without showing it.
 * @throws CaravanError input where there is no terminal to ask on; cancelled on Ctrl-C and Ctrl-D.
 */
export async function askPassword(prompt: string): Promise<Secret> {
  if (!process.stdin.isTTY)
    throw new CaravanError('input', `${prompt.trim()} cannot be asked: no terminal`, {
      hint: 'name a file instead: --vault-password-file, or a vaulted variable for other passwords',
    });
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // Only now does the terminal show nothing of what is typed.
  process.stderr.write(prompt);
  try {
    return await new Promise<Secret>((resolve, reject) => {
      lines.once('line', (line) => {
        resolve(new Secret(line));
      });
      for (const end of ['SIGINT', 'close'])
        lines.once(end, () => {
          reject(new CaravanError('cancelled', 'no password was given'));
        });
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

/**
 * Asks for a line on the terminal.
 * @throws CaravanError cancelled on Ctrl-C and Ctrl-D.
 */
export async function askText(prompt: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.question(prompt, resolve);
      for (const end of ['SIGINT', 'close'])
        lines.once(end, () => {
          reject(new CaravanError('cancelled', 'no answer was given'));
        });
    });
  } finally {
    lines.close();
  }
}

/**
 * Asks whether a task runs (`--step`): `y`, `n`, or `c` to ask no more; nothing is no.
 * @throws CaravanError input where there is no terminal to ask on; cancelled on Ctrl-C and Ctrl-D.
 */
export async function askStep(task: string): Promise<'yes' | 'no' | 'continue'> {
  if (!process.stdin.isTTY)
    throw new CaravanError('input', '--step cannot ask: no terminal', { hint: 'leave --step out' });
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      lines.question(`Run [${task}]? (N)o/(y)es/(c)ontinue: `, resolve);
      for (const end of ['SIGINT', 'close'])
        lines.once(end, () => {
          reject(new CaravanError('cancelled', 'stopped at a question'));
        });
    });
    const word = answer.trim().toLowerCase();
    return /^y/.test(word) ? 'yes' : /^c/.test(word) ? 'continue' : 'no';
  } finally {
    lines.close();
  }
}
