import type { Socket } from 'node:net';

/**
 * ssh2 writes each packet by itself. Those of one round of the event loop leave as one, when all that
 * hosts have answered in it was seen to: fewer system calls here and on the host, and what runs here is
 * not put aside in between for an sshd that was woken.
 */
export function joinWrites(socket: Socket): void {
  const write = socket.write.bind(socket);
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    socket.uncork();
  };
  socket.write = ((...given: Parameters<Socket['write']>) => {
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      setImmediate(uncork);
    }
    return write(...given);
  }) as Socket['write'];
}
