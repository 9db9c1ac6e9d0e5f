import type { ViewStream } from './view.js';

/** A few lines at the end of a terminal that are drawn again and again, with text above them. */
export interface Tail {
  /** Writes whole lines above the tail; they stay. */
  above(text: string): void;
  show(lines: readonly string[]): void;
  clear(): void;
}

const ESCAPES = /\u001b\[\d+m/g;

function cut(line: string, columns: number): string {
  const plain = line.replace(ESCAPES, '');
  // A line that wraps would break the count of rows; colours go with the cut.
  return plain.length < columns ? line : `${plain.slice(0, Math.max(0, columns - 2))}…`;
}

/** A tail on a terminal, never higher than the terminal. */
export function terminalTail(stream: ViewStream): Tail {
  let rows = 0;
  let shown: readonly string[] = [];
  const erase = (): string => (rows === 0 ? '' : `\u001b[${rows}A\u001b[0J`);
  const draw = (): string => {
    const most = Math.max(1, (stream.rows ?? 24) - 2);
    const lines = shown.slice(0, most).map((line) => cut(line, stream.columns ?? 80));
    rows = lines.length;
    return lines.map((line) => `${line}\n`).join('');
  };
  return {
    above: (text) => {
      const erased = erase();
      stream.write(`${erased}${text}${draw()}`);
    },
    show: (lines) => {
      if (rows === 0 && lines.length === 0) return;
      const erased = erase();
      shown = lines;
      stream.write(`${erased}${draw()}`);
    },
    clear: () => {
      const erased = erase();
      shown = [];
      rows = 0;
      if (erased !== '') stream.write(erased);
    },
  };
}
