import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCommand, runFile } from '../../src/cli/run.js';
import { exitCodeOfError } from '../../src/cli/exit.js';
import { errorText } from '../../src/cli/view.js';
import { asCaravanError } from '../../src/values/error.js';

/** What one call of `caravan run` gave. */
export interface Called {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Writes files into a folder, with the folders that they need. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** `caravan run`, in a folder: the command line's own code, in this process. */
export async function caravanRun(folder: string, ...args: string[]): Promise<Called> {
  const texts = { out: '', err: '' };
  const streams = {
    out: { write: (text: string) => (texts.out += text) },
    err: { write: (text: string) => (texts.err += text) },
  };
  const [home, before] = [process.cwd(), process.exitCode];
  process.chdir(folder);
  try {
    await runCommand((file, options) => runFile(file, options, streams)).parseAsync(args, {
      from: 'user',
    });
    return { ...texts, code: Number(process.exitCode) };
  } catch (thrown) {
    const error = asCaravanError(thrown);
    return { ...texts, err: texts.err + errorText(error), code: exitCodeOfError(error) };
  } finally {
    process.chdir(home);
    process.exitCode = before;
  }
}
