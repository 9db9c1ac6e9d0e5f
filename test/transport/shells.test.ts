import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startChild } from '../../src/transport/local.js';
import { openShell } from '../../src/transport/open-shell.js';
import { PrivilegeLevel } from '../../src/transport/privilege-level.js';
import { checkWritten, writeFilesScript } from '../../src/transport/write-file.js';
import { sh } from '../../src/values/shell.js';
import { processesWith, until } from './ended.js';

const shells = ['/bin/dash', '/bin/busybox sh', '/usr/bin/busybox sh', '/bin/bash --posix'].filter(
  (shell) => existsSync(shell.split(' ')[0]!),
);

function levelOf(shell: string): PrivilegeLevel {
  const open = (commandLine: string) =>
    Promise.resolve(startChild('/bin/sh', ['-c', commandLine.replaceAll('/bin/sh', shell)]));
  return new PrivilegeLevel({
    host: 'web01',
    lost: () => undefined,
    openShell: () => openShell(open, { host: 'web01' }),
  });
}

describe.each(shells)('A persistent %s', (shell) => {
  test('runs steps, takes data and survives what they do', async () => {
    const level = levelOf(shell);
    const stdin = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 256));
    const { stdout } = await level.run({ script: sh`base64 | tr -d '\n'`, stdin });
    expect(Buffer.from(stdout, 'base64').equals(stdin)).toBe(true);
    expect((await level.run({ script: sh`if (` })).code).not.toBe(0);
    const step = { script: sh`printf out; printf err >&2; exit 3` };
    expect(await level.run(step)).toEqual({ code: 3, stdout: 'out', stderr: 'err' });
    void level.end();
  });

  test('ends a step with all its children past the deadline', async () => {
    const level = levelOf(shell);
    await level.run({ script: sh`:` });
    const sleep = `${process.pid}${shells.indexOf(shell)}999`;
    const script = sh`sleep ${sleep} & sh -c ${`sleep ${sleep}; :`}; sleep ${sleep}`;
    await expect(level.run({ script }, { timeoutMs: 300 })).rejects.toThrow('were ended');
    await until(() => processesWith(sleep).length === 0, 'no sleep is left');
    void level.end();
  });

  test('writes files', async () => {
    const level = levelOf(shell);
    const folder = (await level.run({ script: sh`mktemp -d` })).stdout.trim();
    const stdin = Buffer.from('\0binary\n\xff', 'latin1');
    const path = `${folder}/a b`;
    const one = [{ file: { path, content: stdin, mode: 0o640 }, content: stdin }];
    checkWritten('web01', one, await level.run({ script: writeFilesScript(one), stdin }));
    const modes = [0o600, 0o644, 0o755];
    const several = modes.map((mode, i) => ({
      file: { path: `${folder}/${i}\\x`, content: stdin, mode },
      content: Buffer.concat([stdin, Buffer.alloc(i * 10_000, 'x')]),
    }));
    checkWritten('web01', several, await level.run({ script: writeFilesScript(several) }));
    const found = await level.run({
      script: sh`cd ${folder} && stat -c '%a %s %n' -- *; ls -A | wc -l; base64 'a b'; rm -r ${folder}`,
    });
    expect(found.stdout.split('\n').map((line) => line.trim())).toEqual([
      ...modes.map((mode, i) => `${mode.toString(8)} ${stdin.length + i * 10_000} ${i}\\x`),
      `640 ${stdin.length} a b`,
      '4',
      stdin.toString('base64'),
      '',
    ]);
    void level.end();
  });
});

test.each([['a login shell that greets', `echo hello; echo oops >&2; cd /; `]])(
  'openShell passes over %s',
  async (_name, before) => {
    const open = (commandLine: string) =>
      Promise.resolve(startChild('/bin/sh', ['-c', before + commandLine]));
    const shell = await openShell(open, { host: 'web01' });
    expect(await shell.run({ script: sh`pwd | wc -l` })).toMatchObject({ stderr: '', code: 0 });
    shell.end();
  },
);

test('A step says what a login without a shell said', async () => {
  const open = () =>
    Promise.resolve(startChild('/bin/sh', ['-c', 'echo This account is not available.; exit 1']));
  const shell = await openShell(open, { host: 'web01' });
  await expect(shell.run({ script: sh`pwd` })).rejects.toMatchObject({
    kind: 'connect',
    message: 'no POSIX shell could be started on web01: This account is not available.',
  });
});
