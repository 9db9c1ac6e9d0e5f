import { quoteWord, sh, type Script } from '../values/shell.js';
import type { ReceiptName } from './port.js';

/**
 * A record on the host that a step has begun and how it ended, in the folder `~/.caravan/RUN` of
 * the user who runs it (mode 0700). With it a step may be sent again when its end is not known.
 */
export interface Receipt extends ReceiptName {
  /**
   * `once`: the step never runs twice. Sent again, it is awaited, and its output is that of the
   * first time. `again`: the step does no harm twice, and runs until it has once ended with 0; that
   * it has begun is kept too, since it may have done its work where it was cut short behind it.
   */
  readonly kind: 'once' | 'again';
}

/** What a step gives to the shell. */
export interface ShellStep {
  readonly script: Script;
  readonly stdin?: Buffer;
  readonly receipt?: Receipt;
  /** Does not run where a chained step before it, sent in the same batch, did not end with 0. */
  readonly chained?: boolean;
  readonly onLine?: (line: string) => void;
}

/** In place of an exit code: a chained step before it failed. */
export const NOT_RUN = 'not-run';
/** In place of an exit code: it was begun at another time, has no end, and runs no more. */
export const LOST = 'lost';

/** Raw bytes in one line of base64: small enough for any decoder's buffer. */
const BYTES_PER_LINE = 3 * 1024;
/** Text handed to the stream before it is asked whether it wants more. */
const WRITE_SIZE = 256 * 1024;

/** Bytes as lines of base64, without their ends. */
export function* base64Lines(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE)
    yield bytes.toString('base64', at, at + BYTES_PER_LINE);
}

/** The shell's input for steps that are sent together, in pieces that a stream can take. */
export function* batchText(
  steps: readonly { readonly nonce: string; readonly step: ShellStep }[],
): Generator<string> {
  let text = steps.some(({ step }) => step.chained) ? '_ok=0\n' : '';
  for (const { nonce, step } of steps) {
    for (const piece of stepText(nonce, step)) {
      text += piece;
      if (text.length < WRITE_SIZE) continue;
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

/**
 * One step. It is one compound command, which a shell runs only once it has read it whole: what a
 * broken connection cuts short never begins. `eval` ends the subshell, and not the shell, at a
 * syntax error in the script.
 */
function* stepText(nonce: string, step: ShellStep): Generator<string> {
  yield '{\n';
  yield* body(nonce, step);
  const run = step.receipt ? withReceipt(step.receipt) : '_b; _c=$?';
  yield step.chained === true
    ? `if [ "$_ok" = 0 ]; then\n${run}\n_ok=$_c; else _c=${NOT_RUN}; fi\n`
    : `${run}\n`;
  yield `printf '%s:%s\\n' ${nonce} "$_c"; printf '%s:0\\n' ${nonce} >&2; }\n`;
}

/** The step as a function of the shell, so that what follows can call it from where it likes. */
function* body(nonce: string, { script, stdin }: ShellStep): Generator<string> {
  const run = `( eval ${quoteWord(script.text)} )`;
  if (stdin === undefined) {
    yield `_b() { ${run} </dev/null; }\n`;
    return;
  }
  yield `_b() {\nbase64 -d <<'${nonce}' | ${run}\n`;
  for (const line of base64Lines(stdin)) yield `${line}\n`;
  yield `${nonce}\n}\n`;
}

/** File of a receipt: the claim. Beside it are `.rc`, `.out` and `.err`. */
export function receiptFile({ run, step }: ReceiptName): Script {
  return sh`"$HOME"/.caravan/${run}/${step}`;
}

/**
 * The claim is made by creating a file that must not be there, so of two attempts, however late
 * one arrives, one runs. Where no file can be made (no home, a full disk, a read-only file system)
 * the step runs without a receipt. A claim that was there and stays empty is of such a disk, or of a
 * host that lost power: whether its step ran is not known. Only `mkdir`, `cat` and `sleep` are
 * programs, the rest is the shell.
 */
function withReceipt(receipt: Receipt): string {
  const { step, also = [] } = receipt;
  const begin = `_r=${receiptFile(receipt).text}
[ -d "\${_r%/*}" ] || ( umask 077; exec mkdir -p -- "\${_r%/*}" ) 2>/dev/null`;
  const marks = (word: string): string =>
    `for _s in ${[step, ...also].map(quoteWord).join(' ')}; do printf '${word}\\n' 2>/dev/null >"\${_r%/*}/$_s.rc"; done`;
  if (receipt.kind === 'again')
    return `${begin}
_c=; { read -r _c <"$_r.rc"; } 2>/dev/null
if [ "$_c" != 0 ]; then ${marks('begun')}; _b; _c=$?
[ $_c != 0 ] || ${marks('0')}; fi`;
  return `${begin}
_boot=-; { read -r _boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
if [ -e "$_r" ]; then _k=old
else _k=none; set -C; printf '%s %s\\n' $$ "$_boot" 2>/dev/null >"$_r" && _k=new; set +C; fi
[ $_k = new ] || [ ! -e "$_r" ] || [ -s "$_r" ] || sleep 1
[ $_k != none ] || [ ! -s "$_r" ] || _k=old
case $_k in
none) _b; _c=$? ;;
new) _b >"$_r.out" 2>"$_r.err"; _c=$?; printf '%s\\n' $_c >"$_r.rc" ;;
old) read -r _p _then <"$_r"
until [ -s "$_r.rc" ] && read -r _c <"$_r.rc"; do
if [ "$_then" != "$_boot" ] || ! kill -0 "$_p" 2>/dev/null; then
[ -s "$_r.rc" ] || { _c=${LOST}; break; }
fi
sleep 0.2 2>/dev/null || sleep 1
done ;;
esac
if [ $_k != none ]; then
[ ! -s "$_r.out" ] || cat <"$_r.out"
[ ! -s "$_r.err" ] || cat <"$_r.err" >&2
fi`;
}

/**
 * Forgets all receipts of a run, and those of runs that are a week old. Prints nothing. For a shell
 * that does nothing afterwards: it stands in another folder.
 */
export function forgetText(run: string): string {
  return `{ cd && rm -rf .caravan/${quoteWord(run)} && for _r in .caravan/*; do
[ ! -d "$_r" ] || { find .caravan -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +; break; }
done; rmdir .caravan; } >/dev/null 2>&1 </dev/null\n`;
}
