import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import type { ProcessChannel } from './channel.js';
import { ShellEnded, type FileReceive } from './port.js';
import type { SendParts } from './send-file.js';
import { shellInTime, stoppedError } from './stopped-transfer.js';
import { SAID_SIZE } from './stream-channel.js';

/** What receiving needs of the connection. */
export type ReceiveParts = Omit<SendParts, 'run' | 'drained' | 'nowMs'>;

const READ_BYTES = 1024 * 1024;

/**
 * Brings a file's first bytes, as many as were seen, from a host. Where the file of the controller
 * holds some already, the rest is asked for; where the whole then has another digest, all is, once.
 * @throws {CaravanError} verify for wrong bytes; input, command, connect, timeout, cancelled
 */
export async function receiveFile(file: FileReceive, parts: ReceiveParts): Promise<void> {
  // No link is followed: who can write to the folder could make us write elsewhere.
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = await open(file.to, flags, 0o666).catch((cause: unknown) => {
    const message = `write ${file.to} on the controller: ${(cause as Error).message}`;
    throw new CaravanError('input', message, { cause });
  });
  try {
    const { size } = await handle.stat();
    const found = size > file.size ? 0 : size;
    await receiveFrom(found, { file, parts, handle });
    if (await isWhole(file, handle)) return;
    if (found > 0) await receiveFrom(0, { file, parts, handle });
    if (found > 0 && (await isWhole(file, handle))) return;
    await handle.truncate(0);
    const message = `${parts.host}: ${file.path} arrived with another SHA-256 than it had there`;
    const hint = 'Was it written to while it was brought? Run it again.';
    throw new CaravanError('verify', message, { host: parts.host, hint });
  } finally {
    await handle.close();
  }
}

interface Receiving {
  readonly file: FileReceive;
  readonly parts: ReceiveParts;
  readonly handle: FileHandle;
}

async function receiveFrom(from: number, { file, parts, handle }: Receiving): Promise<void> {
  await handle.truncate(from);
  file.onProgress?.(from);
  if (from === file.size) return;
  const { deadline } = parts;
  const what = `fetching ${file.path}`;
  const channel = await shellInTime(what, parts);
  let stopped: CaravanError | undefined;
  const stop = (error: CaravanError): void => {
    stopped ??= error;
    channel.destroy();
  };
  const takeBack = deadline.onStop(() => {
    stop(stoppedError(what, parts.host, deadline));
  });
  try {
    await takeBytes(from, { file, parts, handle }, { channel, stop });
  } catch (thrown) {
    throw stopped ?? thrown;
  } finally {
    takeBack();
    channel.destroy();
  }
}

interface Sender {
  readonly channel: ProcessChannel;
  /** Lets go of it because of an error, which is the one that counts. */
  readonly stop: (error: CaravanError) => void;
}

/** The shell prints the bytes and nothing else; on standard error, that it has done so. */
async function takeBytes(
  from: number,
  { file, parts, handle }: Receiving,
  { channel, stop }: Sender,
): Promise<void> {
  const { path, size } = file;
  const { host } = parts;
  const mark = randomBytes(16).toString('hex');
  let said = '';
  channel.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-SAID_SIZE);
  });
  const closed = new Promise<void>((resolve) => {
    channel.onClose(resolve);
  });
  channel.stdout.pause();
  channel.stdin.write(
    `{ ${sh`tail -c +${from + 1} -- ${path} | head -c ${size - from}; echo ${mark} >&2`.text}; exit; }\n`,
  );
  let at = from;
  let isTooMuch = false;
  for await (const chunk of channel.stdout) {
    const bytes = chunk as Buffer;
    isTooMuch ||= at + bytes.length > size;
    if (isTooMuch) {
      stop(tooMuch(file, host));
      await handle.truncate(0);
      continue; // the channel closes only behind what is still in it
    }
    const giveBack = await parts.budget.take(bytes.length);
    try {
      await handle.write(bytes, 0, bytes.length, at);
    } finally {
      giveBack();
    }
    at += bytes.length;
    file.onProgress?.(at);
  }
  if (at === size && !isTooMuch) return;
  await closed;
  if (!said.includes(mark)) {
    const cause = new ShellEnded('the shell ended before the transfer did');
    const message = `${host}: the connection broke while ${path} was fetched`;
    throw new CaravanError('connect', message, { host, cause });
  }
  const why = said.replace(`${mark}\n`, '').trim() || `only ${at} of ${size} bytes are there`;
  throw new CaravanError('command', `${host}: ${path} could not be fetched: ${why}`, { host });
}

function tooMuch({ path, size }: FileReceive, host: string): CaravanError {
  const message = `${host}: fetching ${path} brought more than the ${size} bytes that were asked for`;
  const hint = 'Are head and tail on the host those of its system? Mend that, then fetch again.';
  return new CaravanError('verify', message, { host, hint });
}

async function isWhole({ size, sha256 }: FileReceive, handle: FileHandle): Promise<boolean> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; at < size;) {
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) return false;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest('hex') === sha256;
}
