import { stripVTControlCharacters } from 'node:util';

/** Where a view writes. */
export interface ViewStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly rows?: number;
  readonly columns?: number;
  on?(event: 'resize', changed: () => void): unknown;
  off?(event: 'resize', changed: () => void): unknown;
}

/** A few lines at the end of a terminal that are drawn again and again, with text above them. */
export interface Tail {
  /** Writes whole lines above the tail; they stay. */
  above(text: string): void;
  show(lines: readonly string[]): void;
  clear(): void;
  /** Lines that fit: less than half of the terminal's, so that all of them stay within reach when
   * they wrap because it becomes narrower, or when it becomes half as high. */
  room(): number;
}

// A line longer than the terminal is wide must be cut, not wrapped, or the count of rows is wrong;
// how wide a letter is, only the terminal knows.
const [NO_WRAP, WRAP] = ['\u001b[?7l', '\u001b[?7h'];

function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  // Colours go with the cut.
  return plain.length < columns ? line : `${plain.slice(0, Math.max(0, columns - 2))}…`;
}

/** Rows that a line takes once the terminal has another width: most terminals wrap it anew. */
function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / Math.max(1, columns)));
}

/** A tail on a terminal, never higher than the terminal, also when that changes its size. */
export function terminalTail(stream: ViewStream): Tail {
  let wanted: readonly string[] = [];
  let drawn: readonly string[] = [];
  const columns = (): number => stream.columns ?? 80;
  const room = (): number => Math.max(1, Math.floor((stream.rows ?? 24) / 2) - 1);
  const erase = (): string => {
    const rows = drawn.reduce((sum, line) => sum + rowsOf(line, columns()), 0);
    return rows === 0 ? '' : `\r\u001b[${rows}A\u001b[0J`;
  };
  const draw = (): string => {
    drawn = wanted.slice(0, room()).map((line) => cut(line, columns()));
    if (drawn.length === 0) return '';
    return `${NO_WRAP}${drawn.map((line) => `${line}\n`).join('')}${WRAP}`;
  };
  const redraw = (): void => {
    stream.write(`${erase()}${draw()}`);
  };
  let isWatching = false;
  const watch = (wants: boolean): void => {
    if (wants === isWatching) return;
    isWatching = wants;
    if (wants) stream.on?.('resize', redraw);
    else stream.off?.('resize', redraw);
  };
  return {
    above: (text) => {
      stream.write(`${erase()}${text}${draw()}`);
    },
    show: (lines) => {
      if (drawn.length === 0 && lines.length === 0) return;
      wanted = lines;
      watch(true);
      redraw();
    },
    clear: () => {
      watch(false);
      wanted = [];
      const erased = erase();
      drawn = [];
      if (erased !== '') stream.write(erased);
    },
    room,
  };
}
