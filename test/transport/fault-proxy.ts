import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What can go wrong on the way to a host. */
export const FAULTS = ['close', 'reset', 'stop', 'half', 'stall', 'flip', 'delay'] as const;

/**
 * - `close`: both ends see the stream end
 * - `reset`: both ends see a reset (TCP RST)
 * - `stop`: nothing is forwarded any more, and nobody is told
 * - `half`: half of the piece is forwarded, then `close`
 * - `stall`: nothing is forwarded for a while, then all that was held
 * - `flip`: one bit of the piece is another
 * - `delay`: this piece and all later ones come late
 */
export type FaultKind = (typeof FAULTS)[number];

/** Which fault happens, and when. */
export interface Fault {
  readonly kind: FaultKind;
  /** The piece of either direction at which it happens, counted from 1 over all connections. */
  readonly atPiece?: number;
  /** Instead: so many bytes came, of both directions and over all connections. */
  readonly atByte?: number;
  /** Where in the piece, from 0 up to 1: the byte of `flip`. */
  readonly where?: number;
  /** How long `stall` and `delay` hold (default 5,000 and 20). */
  readonly holdMs?: number;
}

/** What a proxy has seen. */
export interface Seen {
  /** Pieces of both directions, as the sockets gave them. */
  readonly pieces: number;
  /** Bytes that clients sent to the host. */
  readonly toHost: number;
  /** Bytes that the host sent to clients. */
  readonly fromHost: number;
  /**
   * Round trips: how often the flow turned from host to client back to client to host, so how many
   * bursts of the client came after an answer. What is sent while an answer is still on its way
   * belongs to the burst before. Exact with a `delayMs` well above the time that either end takes
   * between two writes of one burst. Counted since the start, login included: take the difference
   * of two looks.
   */
  readonly roundTrips: number;
  /** Whether the fault has happened. */
  readonly faulted: boolean;
  /** Ports of the proxy's own ends towards the host: what sshd calls the client's port. */
  readonly ports: readonly number[];
}

/** A TCP proxy before a host, on loopback. */
export interface FaultProxy {
  readonly port: number;
  seen(): Seen;
  /** Closes all connections, as a host does that notices a lost client. */
  stop(): Promise<void>;
}

/** What a proxy is told. */
export interface FaultProxyOptions {
  /** Port of the host on 127.0.0.1. */
  readonly hostPort: number;
  readonly fault?: Fault;
  /** Added each way (default 0). */
  readonly delayMs?: number;
}

/** One direction of one connection. */
interface Way {
  readonly from: Socket;
  readonly to: Socket;
  readonly isToHost: boolean;
  /** What is to be done late, in order. */
  readonly waiting: (() => void)[];
}

/** Starts a proxy that does one thing wrong at one moment, or none. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { hostPort, fault, delayMs = 0 } = options;
  const sockets = new Set<Socket>();
  const ports: number[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let pieces = 0;
  let toHost = 0;
  let fromHost = 0;
  let roundTrips = 0;
  let lastWasToHost = true;
  let faulted = false;
  let isStopped = false;
  let lateMs = delayMs;
  let heldUntil = 0;

  const later = (ms: number, act: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  };

  /** Writes to the other end, late where that is asked. Timers may pass each other; pieces may not. */
  const give = ({ to, waiting }: Way, act: () => void): void => {
    const ms = Math.max(lateMs, heldUntil - performance.now());
    if (ms <= 0 && waiting.length === 0) {
      act();
      return;
    }
    waiting.push(act);
    later(ms, () => {
      const next = waiting.shift();
      if (!to.destroyed) next?.();
    });
  };

  const count = ({ isToHost }: Way): void => {
    pieces += 1;
    if (isToHost && !lastWasToHost) roundTrips += 1;
    lastWasToHost = isToHost;
  };

  const happen = (way: Way, bytes: Buffer, { kind, where = 0, holdMs }: Fault): Buffer => {
    const { from, to } = way;
    const ends = [from, to];
    switch (kind) {
      case 'close':
        ends.forEach((end) => end.end());
        ends.forEach((end) => end.destroy());
        return Buffer.alloc(0);
      case 'half':
        to.end(bytes.subarray(0, bytes.length >> 1));
        from.destroy();
        return Buffer.alloc(0);
      case 'reset':
        ends.forEach((end) => end.resetAndDestroy());
        return Buffer.alloc(0);
      case 'stop':
        isStopped = true;
        return Buffer.alloc(0);
      case 'stall':
        heldUntil = performance.now() + (holdMs ?? 5000);
        return bytes;
      case 'delay':
        lateMs = holdMs ?? 20;
        return bytes;
      case 'flip': {
        const damaged = Buffer.from(bytes);
        const at = Math.floor(where * damaged.length);
        damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
        return damaged;
      }
    }
  };

  const forward = (way: Way): void => {
    const { from, to } = way;
    from.on('data', (bytes: Buffer) => {
      if (isStopped) return;
      // Of the client's view: what it sends counts when it comes, what it gets when it goes.
      if (way.isToHost) count(way);
      if (way.isToHost) toHost += bytes.length;
      else fromHost += bytes.length;
      const isNow =
        fault !== undefined &&
        !faulted &&
        (toHost + fromHost >= (fault.atByte ?? Infinity) ||
          pieces + (way.isToHost ? 0 : 1) >= (fault.atPiece ?? Infinity));
      faulted ||= isNow;
      const given = isNow ? happen(way, bytes, fault) : bytes;
      if (given.length === 0) return;
      give(way, () => {
        if (!way.isToHost) count(way);
        to.write(given);
      });
    });
    from.on('end', () => {
      if (!isStopped) give(way, () => to.end());
    });
    from.on('close', () => {
      sockets.delete(from);
      if (!isStopped) give(way, () => to.destroy());
    });
    from.on('error', () => undefined); // the close that follows is given on
  };

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const host = connect({ host: '127.0.0.1', port: hostPort, noDelay: true, allowHalfOpen: true });
    host.once('connect', () => ports.push(host.localPort ?? 0));
    sockets.add(client).add(host);
    forward({ from: client, to: host, isToHost: true, waiting: [] });
    forward({ from: host, to: client, isToHost: false, waiting: [] });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen: () => ({ pieces, toHost, fromHost, roundTrips, faulted, ports }),
    stop: async () => {
      timers.forEach(clearTimeout);
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
