import { sh } from '../values/shell.js';
import type { SentStep, ShellSession } from './shell-session.js';
import { receiptFile, type ShellStep } from './step-text.js';

/** A step that has ended by then is not worth a second shell. */
const FIRST_LOOK_MS = 1_000;
const LOOK_MS = 300;

/**
 * Gives the lines of a step that keeps its output on the host while it still runs: reads its file
 * from a shell beside its own. Where the host allows no second shell, the lines come at the end.
 * Returns what ends the watch.
 */
export function watchEarly(
  { receipt }: ShellStep,
  { output }: SentStep,
  openShell: (signal: AbortSignal) => Promise<ShellSession>,
): () => void {
  if (receipt?.kind !== 'once' || !output.isWatched) return () => undefined;
  let session: ShellSession | undefined;
  const end = new AbortController();
  const isOver = (): boolean => end.signal.aborted;
  const file = receiptFile(receipt);
  const look = async (): Promise<void> => {
    session ??= await openShell(end.signal);
    if (isOver()) {
      session.end();
      return;
    }
    const from = output.given;
    const script = sh`[ ! -s ${file}.out ] || tail -c +${from + 1} <${file}.out | base64`;
    const { stdout } = await session.run({ script });
    if (isOver() || output.given !== from) return;
    const bytes = Buffer.from(stdout, 'base64');
    if (bytes.length > 0) output.early(bytes);
    timer = setTimeout(again, LOOK_MS);
  };
  const again = (): void => {
    look().catch(() => undefined);
  };
  let timer = setTimeout(again, FIRST_LOOK_MS);
  return () => {
    end.abort();
    clearTimeout(timer);
    session?.end();
  };
}
