import { expect, onTestFinished, test } from 'vitest';
import { ConnectionPool } from '../../src/engine/connections.js';
import { TaskConnection, TaskPhase } from '../../src/engine/task-connection.js';
import { createTransport } from '../../src/transport/transport.js';
import { systemClock } from '../../src/cli/system.js';
import { sh } from '../../src/values/shell.js';
import { startProxy } from '../cli/stopping-proxy.js';
import { writeKnownHosts } from '../transport/faults.js';
import { startSshd } from '../transport/sshd.js';

test('TaskConnection connects anew when the connection went between two steps', async () => {
  const sshd = await startSshd();
  const proxy = await startProxy(sshd.port);
  const { signal } = new AbortController();
  const knownHostsFiles = [writeKnownHosts(sshd, proxy.port, sshd.folder)];
  const target = sshd.target({ port: proxy.port, knownHostsFiles });
  const pool = new ConnectionPool(createTransport(), () => target, signal);
  onTestFinished(async () => {
    await pool.closeAll(false);
    await proxy.close();
    await sshd.stop();
  });
  const phase = new TaskPhase('run', () => 'step');
  const limits = { clock: systemClock, endsAt: Date.now() + 30_000 };
  const connection = new TaskConnection('web01', pool, { ...limits, phase });
  const first = await pool.connect('web01');
  expect((await connection.run(sh`echo one`)).stdout).toBe('one\n');
  proxy.reset();
  const isGone = (): Promise<boolean> =>
    first.forward('127.0.0.1', sshd.port).then(
      (stream) => !stream.destroy(),
      () => true,
    );
  await expect.poll(isGone).toBe(true);
  // Nothing was sent, so even what must not be repeated is sent now.
  phase.isApplying = true;
  expect((await connection.run(sh`echo two`)).stdout).toBe('two\n');
});
