import { createInterface } from 'node:readline';
import type { Terminal } from '../transport/questions.js';
import { CaravanError } from '../values/error.js';
import { askPassword } from './run.password.js';

/** The terminal that the operator sits at, or undefined where there is none. */
export function operatorTerminal(): Terminal | undefined {
  if (!process.stdin.isTTY) return undefined;
  return { confirm: askYesNo, secret: askPassword };
}

/** As ssh asks: only a whole `yes` is one, and only `yes` or `no` is an answer. */
async function askYesNo(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    for (let text = question; ; text = "Please type 'yes' or 'no': ") {
      const answer = await new Promise<string>((resolve, reject) => {
        lines.question(text, resolve);
        for (const end of ['SIGINT', 'close'])
          lines.once(end, () => {
            reject(new CaravanError('cancelled', 'stopped at a question'));
          });
      });
      const word = answer.trim().toLowerCase();
      if (word === 'yes' || word === 'no') return word === 'yes';
    }
  } finally {
    lines.close();
  }
}
