import { LateSignal } from '../values/late-signal.js';
import { sh } from '../values/shell.js';
import type { SentStep, ShellSession } from './shell-session.js';
import { OUTPUT_LIMIT } from './step-output.js';
import { receiptFile, type ShellStep } from './step-text.js';

/** A step that has ended by then is not worth a second shell. */
const FIRST_LOOK_MS = 1_000;
const LOOK_MS = 300;
/** The most that is read at once: in base64 it is less than the most that a step may print. */
const PIECE_SIZE = 32 * 1024 * 1024;

/**
 * Gives the lines of a step that keeps its output on the host while it still runs: reads its file
 * from a shell beside its own. So it is seen too when that is more than is taken of a step, which
 * else would fill the host's disk. Where the host allows no second shell, all comes at the end.
 * Returns what ends the watch.
 */
export function watchEarly(
  { receipt }: ShellStep,
  { output }: SentStep,
  openShell: (signal: AbortSignal) => Promise<ShellSession>,
): () => void {
  if (receipt?.kind !== 'once' || !output.isWatched) return () => undefined;
  let session: ShellSession | undefined;
  const over = new LateSignal();
  const isOver = (): boolean => over.isAborted;
  const file = receiptFile(receipt);
  const look = async (): Promise<void> => {
    session ??= await openShell(over.signal);
    if (isOver()) {
      session.end();
      return;
    }
    const from = output.given;
    const script = sh`[ -e ${file}.err ] || exit 0
size() { shift 4; echo "$1"; }
out=$(size $(ls -ln ${file}.out)); err=$(size $(ls -ln ${file}.err))
echo "$out"; echo "$err"
[ "$out" -gt ${OUTPUT_LIMIT} ] || tail -c +${from + 1} <${file}.out | head -c ${PIECE_SIZE} | base64`;
    const { stdout } = await session.run({ script });
    if (isOver() || output.given !== from) return;
    const [size, errorSize, ...base64] = stdout.split('\n');
    if (errorSize !== undefined) output.awaits(Number(size) + Number(errorSize));
    const bytes = Buffer.from(base64.join(''), 'base64');
    if (bytes.length > 0) output.early(bytes);
    timer = setTimeout(again, LOOK_MS);
  };
  const again = (): void => {
    look().catch(() => undefined);
  };
  let timer = setTimeout(again, FIRST_LOOK_MS);
  return () => {
    over.abort();
    clearTimeout(timer);
    session?.end();
  };
}
