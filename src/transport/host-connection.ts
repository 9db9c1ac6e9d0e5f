import type { Duplex } from 'node:stream';
import { monotonicMs } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import type { Script } from '../values/shell.js';
import type { OpenChannel, ProcessChannel } from './channel.js';
import type { ByteBudget } from './byte-budget.js';
import { Deadline } from './deadline.js';
import { beginShell, openShell, type ShellRequest } from './open-shell.js';
import {
  ConnectionGone,
  type BecomeTarget,
  type Connection,
  type FileOptions,
  type FileReceive,
  type FileSend,
  type FileWrite,
  type StepOptions,
  type StepResult,
} from './port.js';
import { PrivilegeLevel } from './privilege-level.js';
import { receiveFile, type ReceiveParts } from './receive-file.js';
import { sendFile } from './send-file.js';
import { checkWritten, RENAMED, writeFilesScript } from './write-file.js';

/** The way to a host: what SSH and local processes do differently. */
export interface Wire {
  readonly openChannel: OpenChannel;
  /** A TCP stream from the host. */
  forward(address: string, port: number): Promise<Duplex>;
  /** Why the wire is cut, or undefined while it holds. */
  lost(): string | undefined;
  /** Resolves when what was written to it has left this process (default: when a channel took it). */
  drained?(): Promise<void>;
  close(): Promise<void>;
}

/** Deadline of a large file where none is named: an hour. */
const TRANSFER_TIMEOUT_MS = 3_600_000;

/** Who is logged in where, and who they may become. */
export interface Login {
  readonly host: string;
  readonly user: string;
  readonly become: BecomeTarget;
}

/** A {@link Connection} over any {@link Wire}. */
export class HostConnection implements Connection {
  readonly host: string;
  readonly #plain: PrivilegeLevel;
  readonly #become: PrivilegeLevel;
  readonly #becomes: BecomeTarget | undefined;

  constructor(
    private readonly login: Login,
    private readonly wire: Wire,
    private readonly budget: ByteBudget,
  ) {
    const { host, user, become } = login;
    this.host = host;
    this.#plain = this.#level();
    // No sudo where the login already is that user: a host may have none.
    this.#becomes = user === become.user ? undefined : become;
    this.#become = this.#becomes ? this.#level(become) : this.#plain;
  }

  async run(script: Script, options: StepOptions = {}): Promise<StepResult> {
    const { become, stdin, onLine, once = false, receipt, chained } = options;
    return this.#levelFor(become).run(
      {
        script,
        ...(stdin === undefined ? {} : { stdin: bytesOf(stdin) }),
        ...(onLine ? { onLine } : {}),
        ...(receipt ? { receipt: { ...receipt, kind: once ? 'once' : 'again' } } : {}),
        ...(chained === undefined ? {} : { chained }),
      },
      options,
    );
  }

  writeFile(file: FileWrite, options: FileOptions = {}): Promise<void> {
    return this.writeFiles([file], options);
  }

  async writeFiles(files: readonly FileWrite[], options: FileOptions = {}): Promise<void> {
    const all = files.map((file) => ({ file, content: bytesOf(file.content) }));
    const waiting = files.flatMap(({ onRenamed }) => onRenamed ?? []);
    const onLine = (line: string): void => {
      if (line === RENAMED) waiting.shift()?.();
    };
    const [first] = all;
    const result = await this.run(writeFilesScript(all), {
      ...options,
      ...(all.length === 1 && first ? { stdin: first.content } : {}),
      ...(waiting.length > 0 ? { onLine } : {}),
    });
    checkWritten(this.host, all, result);
    // A write that its receipt knows to be done says nothing.
    for (const tell of waiting) tell();
  }

  sendFile(file: FileSend, options: FileOptions = {}): Promise<void> {
    const { wire } = this;
    return this.#transfer(options, (parts, timeoutMs) =>
      sendFile(file, {
        ...parts,
        run: (script) => this.run(script, { timeoutMs, ...options }),
        drained: () => wire.drained?.() ?? Promise.resolve(),
        nowMs: monotonicMs,
      }),
    );
  }

  receiveFile(file: FileReceive, options: FileOptions = {}): Promise<void> {
    return this.#transfer(options, (parts) => receiveFile(file, parts));
  }

  forward(address: string, port: number): Promise<Duplex> {
    return this.wire.forward(address, port);
  }

  async close(forget = false): Promise<void> {
    await Promise.all([this.#plain.end(forget), this.#become.end(forget)]);
    await this.wire.close();
  }

  #levelFor(become = this.login.become.enabled): PrivilegeLevel {
    return become ? this.#become : this.#plain;
  }

  async #transfer(
    options: FileOptions,
    act: (parts: ReceiveParts, timeoutMs: number) => Promise<void>,
  ): Promise<void> {
    const { host, budget, wire } = this;
    const { become = this.login.become.enabled, timeoutMs = TRANSFER_TIMEOUT_MS } = options;
    const deadline = new Deadline(timeoutMs, options.signal);
    const request = this.#request(become ? this.#becomes : undefined);
    const startShell = (signal: AbortSignal): Promise<ProcessChannel> =>
      this.#held(async () => {
        const { channel, announced } = await beginShell(wire.openChannel, request, signal);
        await announced;
        return channel;
      });
    try {
      await act({ host, budget, deadline, startShell }, timeoutMs);
    } finally {
      deadline.end();
    }
  }

  #level(become?: BecomeTarget): PrivilegeLevel {
    const { host } = this.login;
    return new PrivilegeLevel({
      host,
      lost: () => this.wire.lost(),
      openShell: (signal) =>
        this.#held(() => openShell(this.wire.openChannel, this.#request(become), signal)),
    });
  }

  #request(become?: BecomeTarget): ShellRequest {
    return { host: this.host, ...(become ? { become } : {}) };
  }

  /** Does something of which the connection's own end is told as that. */
  async #held<T>(act: () => Promise<T>): Promise<T> {
    this.#checkHolds();
    try {
      return await act();
    } catch (thrown) {
      await new Promise(setImmediate); // a channel may close before its connection does
      this.#checkHolds();
      throw thrown;
    }
  }

  #checkHolds(): void {
    const lost = this.wire.lost();
    if (lost === undefined) return;
    const { host } = this;
    const cause = new ConnectionGone(lost);
    throw new CaravanError('connect', `${host}: the connection is gone (${lost})`, { host, cause });
  }
}

function bytesOf(content: NonNullable<StepOptions['stdin']>): Buffer {
  const plain = content instanceof Secret ? content.reveal() : content;
  return typeof plain === 'string' ? Buffer.from(plain) : plain;
}
