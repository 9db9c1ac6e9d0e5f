import type { Duplex } from 'node:stream';
import { randomBytes } from 'node:crypto';
import { encodeFrame, MessageReader, OPCODE, type Message } from './websocket.js';

/**
 * The subprotocol that kubectl speaks since 1.30: every binary message starts with the number of
 * its channel (k8s.io/apimachinery/pkg/util/remotecommand, StreamProtocolV5Name).
 */
export const EXEC_PROTOCOL = 'v5.channel.k8s.io';

/** Channel numbers of {@link EXEC_PROTOCOL}. */
export const EXEC_CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3 } as const;

const STDOUT_KEPT = 64 * 1024;

/** What a command in a container gave. */
export interface ExecResult {
  readonly stdout: string;
  /** The `metav1.Status` of channel 3; missing when the stream ended without one. */
  readonly status?: { readonly status: string; readonly message: string };
}

function parseStatus(text: string): { status: string; message: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'status' in value) {
      const message = 'message' in value ? String(value.message) : '';
      return { status: String(value.status), message };
    }
  } catch {
    // Reported as it came, below.
  }
  return { status: 'unreadable', message: text };
}

/**
 * Reads an upgraded connection until the server says how the command ended, or closes. Rejects
 * with the connection's own error.
 */
export function readExec(socket: Duplex, head: Buffer): Promise<ExecResult> {
  const reader = new MessageReader();
  let stdout = '';
  return new Promise((resolve, reject) => {
    const end = (status?: ExecResult['status']): void => {
      resolve(status === undefined ? { stdout } : { stdout, status });
    };
    const take = ({ opcode, payload }: Message): void => {
      if (opcode === OPCODE.ping) {
        socket.write(encodeFrame(OPCODE.pong, payload, randomBytes(4)));
      } else if (opcode === OPCODE.close) {
        end();
      } else if (opcode === OPCODE.binary || opcode === OPCODE.text) {
        const text = payload.subarray(1).toString('utf8');
        if (payload[0] === EXEC_CHANNEL.stdout) stdout = (stdout + text).slice(0, STDOUT_KEPT);
        if (payload[0] === EXEC_CHANNEL.error && text !== '') {
          socket.write(encodeFrame(OPCODE.close, Buffer.from([0x03, 0xe8]), randomBytes(4)));
          end(parseStatus(text));
        }
      }
    };
    const read = (chunk: Buffer): void => {
      reader.push(chunk).forEach(take);
    };
    socket.on('error', reject);
    socket.on('close', () => {
      end();
    });
    socket.on('data', read);
    read(head);
  });
}
