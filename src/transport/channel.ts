import type { Readable, Writable } from 'node:stream';

/** A process on a host, seen through its three streams. */
export interface ProcessChannel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Calls back once, when the process has ended and all its output was given, or the wire is cut. */
  onClose(listener: () => void): void;
  /** Lets go of the process; its input ends. */
  destroy(): void;
}

/** Starts a command line through the login shell of the host. */
export type OpenChannel = (commandLine: string) => Promise<ProcessChannel>;
