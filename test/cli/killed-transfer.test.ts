import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { folder } from '../engine/fleet.js';
import { sshVars } from '../transport/faults.js';
import { startFaultProxy, type Fault } from '../transport/fault-proxy.js';
import { startSshd } from '../transport/sshd.js';

const MIB = 1024 * 1024;
const PLAYBOOK = `
- hosts: all
  gather_facts: false
  tasks:
    - copy: { src: big, dest: '{{ home }}/host/big' }
`;

test.each([['--resume'], []])(
  'a transfer whose run was killed goes on: run %s',
  async (...again) => {
    const at = await folder();
    const sshd = await startSshd({ config: [`SetEnv HOME=${at}`] });
    onTestFinished(() => sshd.stop());
    const content = randomBytes(24 * MIB);
    mkdirSync(join(at, 'host'));
    writeFileSync(join(at, 'big'), content);
    writeFileSync(join(at, 'site.yml'), PLAYBOOK);

    const start = async (args: readonly string[], fault?: Fault) => {
      const proxy = await startFaultProxy({ hostPort: sshd.port, ...(fault && { fault }) });
      onTestFinished(() => proxy.stop());
      const vars = { ...sshVars(sshd, proxy.port, at), home: at };
      writeFileSync(join(at, 'hosts.yml'), JSON.stringify({ all: { hosts: { h1: vars } } }));
      const words = [resolve('bin/caravan.js'), 'run', 'site.yml', '-i', 'hosts.yml', ...args];
      const child = spawn(process.execPath, words, { cwd: at, stdio: 'ignore' });
      const ended = new Promise((done) => child.once('exit', done));
      return { proxy, child, ended };
    };

    // From then on nothing gets through, and the run waits.
    const first = await start([], { kind: 'stop', atByte: 16 * MIB });
    const sizes = (): number[] =>
      readdirSync(join(at, 'host')).map((name) => statSync(join(at, 'host', name)).size);
    await expect.poll(() => first.proxy.seen().faulted, { timeout: 30_000 }).toBe(true);
    await expect.poll(() => Math.max(0, ...sizes())).toBeGreaterThan(12 * MIB);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(readdirSync(join(at, 'host'))).toEqual([
      expect.stringMatching(/^\.big\.caravan-[0-9a-f]{24}\.part$/),
    ]);

    const second = await start(again);
    expect(await second.ended).toBe(0);
    expect(readFileSync(join(at, 'host/big')).equals(content)).toBe(true);
    expect(readdirSync(join(at, 'host'))).toEqual(['big']);
    expect(second.proxy.seen().toHost).toBeLessThan(content.length - 11 * MIB);
  },
);
