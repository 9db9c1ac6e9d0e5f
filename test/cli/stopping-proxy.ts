import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy whose connections can be stopped as networks stop them. */
export interface StoppingProxy {
  readonly port: number;
  /** Forwards nothing more in either direction, ends included, for the connections there are. */
  freeze(): void;
  /** Resets the connections there are, on both sides. */
  reset(): void;
  close(): Promise<void>;
}

/** Starts a proxy on loopback. What is connected after a fault is forwarded as before. */
export async function startProxy(target: number): Promise<StoppingProxy> {
  const pairs = new Set<{ readonly sockets: readonly [Socket, Socket]; isFrozen: boolean }>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const host = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true });
    const pair = { sockets: [client, host] as const, isFrozen: false };
    pairs.add(pair);
    for (const [from, to] of [
      [client, host],
      [host, client],
    ] as const) {
      from.on('error', () => undefined); // the close that follows says the same
      from.on('data', (bytes: Buffer) => {
        if (!pair.isFrozen) to.write(bytes);
      });
      from.on('end', () => {
        if (!pair.isFrozen) to.end();
      });
      from.on('close', () => {
        if (!pair.isFrozen) to.destroy();
        if (client.destroyed && host.destroyed) pairs.delete(pair);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = (): void => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      for (const pair of pairs) pair.isFrozen = true;
    },
    reset,
    close: async () => {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
