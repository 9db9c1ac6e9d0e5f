import { createHash } from 'node:crypto';

/** Opcodes of RFC 6455, section 5.2. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** A whole message (fragments joined) or a control frame. */
export interface Message {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** What a server must answer to a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2). */
export function acceptFor(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

function xor(payload: Buffer, mask: Buffer): Buffer {
  return Buffer.from(payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
}

/** One final frame. Clients must pass a random 4-byte `mask`; servers none. */
export function encodeFrame(opcode: number, payload: Buffer, mask?: Buffer): Buffer {
  const bit = mask === undefined ? 0 : 0x80;
  const size = payload.length;
  const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (size < 126) head[1] = bit | size;
  else if (size < 65_536) {
    head[1] = bit | 126;
    head.writeUInt16BE(size, 2);
  } else {
    head[1] = bit | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return mask === undefined
    ? Buffer.concat([head, payload])
    : Buffer.concat([head, mask, xor(payload, mask)]);
}

interface Frame extends Message {
  readonly final: boolean;
  /** Bytes that the frame took, head included. */
  readonly size: number;
}

/** The first frame in `bytes`, or nothing while it is incomplete. */
function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const masked = (second & 0x80) !== 0;
  const head = 2 + lengthBytes + (masked ? 4 : 0);
  if (bytes.length < head) return undefined;
  const length =
    short === 126
      ? bytes.readUInt16BE(2)
      : short === 127
        ? Number(bytes.readBigUInt64BE(2))
        : short;
  if (bytes.length < head + length) return undefined;
  const raw = bytes.subarray(head, head + length);
  const payload = masked ? xor(raw, bytes.subarray(head - 4, head)) : Buffer.from(raw);
  return { opcode: first & 0x0f, final: (first & 0x80) !== 0, payload, size: head + length };
}

/** Turns chunks of a byte stream into messages, however the chunks were cut. */
export class MessageReader {
  #pending = Buffer.alloc(0);
  #fragments: Message[] = [];

  /** The messages that `chunk` completes. */
  push(chunk: Buffer): Message[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const messages: Message[] = [];
    for (;;) {
      const frame = decodeFrame(this.#pending);
      if (frame === undefined) return messages;
      this.#pending = this.#pending.subarray(frame.size);
      const message = this.#join(frame);
      if (message !== undefined) messages.push(message);
    }
  }

  #join(frame: Frame): Message | undefined {
    if (frame.opcode >= OPCODE.close) return frame;
    this.#fragments.push(frame);
    if (!frame.final) return undefined;
    const [first = frame] = this.#fragments;
    const payload = Buffer.concat(this.#fragments.map((part) => part.payload));
    this.#fragments = [];
    return { opcode: first.opcode, payload };
  }
}
