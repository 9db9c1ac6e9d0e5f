import { open, type FileHandle } from 'node:fs/promises';
import { CaravanError } from '../values/error.js';
import type { ByteBudget } from './byte-budget.js';
import { BLOCK_BYTES, FIRST_BYTES, finishScript, receiveText } from './big-file.script.js';
import { compressed, pays } from './compression.js';
import type { Deadline } from './deadline.js';
import type { ProcessChannel } from './channel.js';
import { ShellEnded, type FileSend, type StepResult } from './port.js';
import type { Script } from '../values/shell.js';
import { shellInTime, stoppedError } from './stopped-transfer.js';
import { StreamChannel, StreamInterrupted } from './stream-channel.js';
import { DAMAGED, writeError } from './write-file.js';

/** Read, sent and counted at once. */
const PIECE_BYTES = 256 * 1024;
/** Of each of three places, to see how a file compresses. */
const SAMPLE_BYTES = 64 * 1024;

/** What sending needs of the connection. */
export interface SendParts {
  readonly host: string;
  /** Opens a shell of the right user, which `signal` lets go of while it is not there. */
  readonly startShell: (signal: AbortSignal) => Promise<ProcessChannel>;
  /** Runs a step as the same user. */
  readonly run: (script: Script) => Promise<StepResult>;
  readonly drained: () => Promise<void>;
  readonly budget: ByteBudget;
  readonly nowMs: () => number;
  readonly deadline: Deadline;
}

/**
 * Puts a file of the controller in place on a host. Where what an earlier attempt left turns out to
 * hold other bytes, it is sent once more from its beginning.
 * @throws {CaravanError} verify for wrong bytes; command for a full disk and the like; connect
 */
export async function sendFile(file: FileSend, parts: SendParts): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    const found = await sendBytes(file, parts);
    const result = await parts.run(finishScript(file));
    if (result.code === 0) return;
    if (result.code !== DAMAGED || found === 0 || !isFirst)
      throw withHint(file, writeError(parts.host, file.path, result));
  }
}

/** Sends what is not on the host yet. Gives the number of bytes that were. */
async function sendBytes(file: FileSend, parts: SendParts): Promise<number> {
  const { host, deadline } = parts;
  const { path } = file.source;
  const handle = await open(path).catch((cause: unknown) => {
    throw sourceError(file, (cause as Error).message, cause);
  });
  let channel: StreamChannel | undefined;
  let takeBack: (() => void) | undefined;
  try {
    const what = `sending ${file.path}`;
    channel = new StreamChannel(await shellInTime(what, parts), parts.drained);
    const { stop } = channel;
    takeBack = deadline.onStop(() => {
      stop(stoppedError(what, host, deadline));
    });
    return await new Sending(file, parts, channel, handle).run();
  } finally {
    takeBack?.();
    channel?.stop(new ShellEnded('the transfer is over'));
    await handle.close();
  }
}

/** One attempt at sending what is left of a file. */
class Sending {
  constructor(
    private readonly file: FileSend,
    private readonly parts: SendParts,
    private readonly channel: StreamChannel,
    private readonly handle: FileHandle,
  ) {}

  async run(): Promise<number> {
    const { channel, file } = this;
    try {
      channel.start(receiveText(file, channel.mark));
      const [size = '', plan = ''] = await this.#expect('ready');
      const found = Number(size);
      file.onProgress?.(found);
      await this.#send(Math.floor(found / BLOCK_BYTES) * BLOCK_BYTES, plan);
      await this.#expect('end');
      return found;
    } catch (error) {
      if (error instanceof ShellEnded) throw this.#cut(error);
      throw error;
    }
  }

  /** Sends from a place on, as the host has said that it will take it. */
  async #send(from: number, plan: string): Promise<void> {
    const { size } = this.file.source;
    try {
      if (plan === 'plain') await this.#give(from, size);
      if (plan === 'measured') {
        const next = from + FIRST_BYTES;
        const beganAt = this.parts.nowMs();
        await this.#give(from, next);
        await this.#expect('more');
        const seconds = Math.max(this.parts.nowMs() - beganAt, 1) / 1000;
        const isPacked = await this.#pays(next, FIRST_BYTES / seconds);
        await this.channel.write(isPacked ? 'gzip\n' : 'plain\n');
        await this.#expect('go');
        await this.#give(next, size, isPacked);
      }
      this.channel.finish();
    } catch (error) {
      if (!(error instanceof StreamInterrupted)) throw error;
      // What the host said instead is read next.
    }
  }

  async #give(from: number, to: number, isPacked = false): Promise<void> {
    for (let at = from; at < to; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, to - at);
      const giveBack = await this.parts.budget.take(length);
      try {
        const piece = await this.#read(at, length);
        await this.channel.write(isPacked ? await compressed(piece) : piece);
      } finally {
        giveBack();
      }
      this.file.onProgress?.(at + length);
    }
  }

  async #pays(from: number, linkRate: number): Promise<boolean> {
    const last = this.file.source.size - SAMPLE_BYTES;
    const places = [from, Math.floor((from + last) / 2), last];
    const samples = await Promise.all(places.map((at) => this.#read(at, SAMPLE_BYTES)));
    const sample = Buffer.concat(samples);
    return pays({ ratio: (await compressed(sample)).length / sample.length, linkRate });
  }

  async #read(at: number, length: number): Promise<Buffer> {
    const piece = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.handle.read(piece, 0, length, at);
    if (bytesRead === length) return piece;
    throw sourceError(this.file, 'it has become shorter since the run looked at it');
  }

  /** The words behind `word`, which is what the host must say next. */
  async #expect(word: string): Promise<string[]> {
    const { channel, file, parts } = this;
    const [found, ...words] = await channel.next();
    if (found === word && (word !== 'end' || words[0] === '0')) return words;
    if (found !== 'end') throw new CaravanError('bug', `${parts.host}: said ${found ?? ''}`);
    await channel.closed;
    const stderr = channel.said.replace(/^.*(records (in|out)|copied.*)$\n?/gm, '').trim();
    const { host } = parts;
    throw writeError(host, file.path, { code: Number(words[0]), stdout: '', stderr });
  }

  /** In the words of a step whose connection broke, so that whoever asked connects anew. */
  #cut(cause: ShellEnded): CaravanError {
    const { host } = this.parts;
    const message = `${host}: the connection broke while ${this.file.path} was sent`;
    const hint = 'What has arrived is kept: run it again, and it goes on from there.';
    return new CaravanError('connect', message, { host, cause, hint });
  }
}

function sourceError({ source }: FileSend, why: string, cause?: unknown): CaravanError {
  return new CaravanError('input', `read ${source.path} on the controller: ${why}`, { cause });
}

/** Wrong bytes on a host may be those of a file that somebody wrote to in the meantime. */
function withHint(file: FileSend, error: CaravanError): CaravanError {
  if (error.kind !== 'verify') return error;
  const hint = `Was ${file.source.path} written to while it was sent? Run it again.`;
  return new CaravanError('verify', error.message, { ...error.detail, hint });
}
