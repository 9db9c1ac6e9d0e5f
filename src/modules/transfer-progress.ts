import type { ModuleContext } from './module.js';

/** A line comes at most this often, and the first after as long. */
const LINE_MS = 1_000;

/** Tells how far a transfer is: `12.0 of 80.0 MiB, 14.2 MiB/s`. Called with the bytes so far. */
export function transferProgress(
  total: number,
  context: Pick<ModuleContext, 'clock' | 'progress'>,
): (bytes: number) => void {
  let last: { readonly atMs: number; readonly bytes: number } | undefined;
  return (bytes) => {
    const atMs = context.clock.now().getTime();
    // An attempt that begins anew counts from where it begins.
    if (last === undefined || bytes < last.bytes) last = { atMs, bytes };
    const passedMs = atMs - last.atMs;
    if (passedMs < LINE_MS) return;
    const rate = mebibytes(((bytes - last.bytes) * 1000) / passedMs);
    context.progress(`${mebibytes(bytes)} of ${mebibytes(total)} MiB, ${rate} MiB/s`);
    last = { atMs, bytes };
  };
}

function mebibytes(bytes: number): string {
  return (bytes / (1024 * 1024)).toFixed(1);
}
