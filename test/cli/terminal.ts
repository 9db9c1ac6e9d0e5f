import { spawn } from 'node:child_process';
import { join } from 'node:path';
import xterm, { type Terminal } from '@xterm/headless';

const PROGRAM = join(import.meta.dirname, '../../bin/caravan.js');

/** What is done once `when` is on the screen, each once, in order. */
export interface Step {
  readonly when: RegExp;
  readonly size?: readonly [rows: number, columns: number];
  readonly type?: string;
  readonly stop?: true;
}

/** What a run left on a terminal. */
export interface Shown {
  readonly code: number;
  /** All that stayed, with what has scrolled off. */
  readonly text: string;
  /** Of all drawings, the most rows that one went back up over. */
  readonly tallest: number;
  readonly bytes: number;
  /** Screens as they were at times, for a look at what was drawn. */
  readonly screens: readonly string[];
}

function text(terminal: Terminal, from: number): string {
  const { active } = terminal.buffer;
  let all = '';
  for (let row = from; row < active.length; row += 1) {
    const line = active.getLine(row);
    const isNew = row > from && line?.isWrapped !== true;
    all += `${isNew ? '\n' : ''}${line?.translateToString(true) ?? ''}`;
  }
  return all.trimEnd();
}

/** `caravan` on a real terminal, shown by a real emulator. */
export async function onTerminal(
  args: readonly string[],
  {
    folder,
    rows,
    columns,
    steps = [],
  }: { folder: string; rows: number; columns: number; steps?: readonly Step[] },
): Promise<Shown> {
  const terminal = new xterm.Terminal({
    rows,
    cols: columns,
    scrollback: 100_000,
    allowProposedApi: true,
  });
  const child = spawn(
    'python3',
    [
      join(import.meta.dirname, 'terminal.py'),
      String(rows),
      String(columns),
      process.execPath,
      PROGRAM,
      ...args,
    ],
    { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const left = [...steps];
  const screens: string[] = [];
  let [tallest, bytes] = [0, 0];
  const written: Promise<void>[] = [];
  let resize = (): void => undefined;
  terminal.parser.registerOscHandler(9999, () => {
    setImmediate(resize);
    return true;
  });
  const look = (): void => {
    const screen = text(terminal, terminal.buffer.active.baseY);
    if (screens.at(-1) !== screen) screens.push(screen);
    const [next] = left;
    if (next?.when.test(screen) !== true) return;
    left.shift();
    if (next.size !== undefined) {
      // A terminal and those on it change their size at one moment.
      const [height, width] = next.size;
      resize = () => {
        terminal.resize(width, height);
        child.stdin.write(`size ${height} ${width}\n`);
      };
      child.stdin.write('pause\n');
    }
    if (next.type !== undefined) child.stdin.write(`type ${next.type}\n`);
    if (next.stop === true) child.stdin.write('stop\n');
  };
  child.stdout.on('data', (data: Buffer) => {
    bytes += data.length;
    for (const [, count] of data.toString('latin1').matchAll(/\u001b\[(\d+)A/g))
      tallest = Math.max(tallest, Number(count));
    written.push(
      new Promise((resolve) => {
        terminal.write(data, () => {
          look();
          resolve();
        });
      }),
    );
  });
  const deadline = setTimeout(() => child.kill(), 60_000);
  const code = await new Promise<number>((resolve) => {
    child.once('close', (ended) => {
      resolve(ended ?? -1);
    });
  });
  clearTimeout(deadline);
  await Promise.all(written);
  return { code, text: text(terminal, 0), tallest, bytes, screens };
}
