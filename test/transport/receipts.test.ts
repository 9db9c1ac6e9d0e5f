import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startChild } from '../../src/transport/local.js';
import { openShell } from '../../src/transport/open-shell.js';
import { PrivilegeLevel } from '../../src/transport/privilege-level.js';
import type { ProcessChannel } from '../../src/transport/channel.js';
import type { ShellSession } from '../../src/transport/shell-session.js';
import type { ShellStep } from '../../src/transport/step-text.js';
import { quoteWord, sh } from '../../src/values/shell.js';
import { processesWith, until, untilThere } from './ended.js';

const shells = ['/bin/dash', '/bin/busybox sh', '/usr/bin/busybox sh', '/bin/bash --posix'].filter(
  (shell) => existsSync(shell.split(' ')[0]!),
);

/** A folder that is a home, and goes with the test. */
function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'caravan-receipts-'));
  onTestFinished(() => {
    rmSync(home, { recursive: true, force: true });
  });
  return home;
}

/** A level whose shell finds `home`; `channels` are its processes, so that a test can cut them. */
function levelIn(
  home: string,
  shell = '/bin/sh',
  onOpened: (channel: ProcessChannel) => void = () => undefined,
) {
  const channels: ProcessChannel[] = [];
  const open = (commandLine: string) => {
    const line = `HOME=${quoteWord(home)}; export HOME; ${commandLine.replaceAll('/bin/sh', shell)}`;
    const channel = startChild('/bin/sh', ['-c', line]);
    channels.push(channel);
    onOpened(channel);
    return Promise.resolve(channel);
  };
  const level = new PrivilegeLevel({
    host: 'web01',
    lost: () => undefined,
    openShell: () => openShell(open, { host: 'web01' }),
  });
  onTestFinished(() => {
    void level.end();
  });
  const cut = (): void => {
    for (const channel of channels.splice(0)) channel.destroy();
  };
  return { level, cut };
}

const once = (step: string): NonNullable<ShellStep['receipt']> => ({
  ...{ run: 'run1', step },
  kind: 'once',
});

describe.each(shells)('With receipts, %s', (shell) => {
  test('runs a step once, and gives its output and end again', async () => {
    const home = makeHome();
    const { level } = levelIn(home, shell);
    const step: ShellStep = {
      script: sh`echo x >>"$HOME"/counter; cat; printf err >&2; exit 3`,
      stdin: Buffer.from('in\n'),
      receipt: once('a'),
    };
    const result = { code: 3, stdout: 'in\n', stderr: 'err' };
    expect(await level.run(step)).toEqual(result);
    expect(await level.run(step)).toEqual(result);
    expect(await levelIn(home, shell).level.run(step)).toEqual(result);
    expect(readFileSync(join(home, 'counter'), 'utf8')).toBe('x\n');
    expect(statSync(join(home, '.caravan/run1')).mode & 0o777).toBe(0o700);
    expect(statSync(join(home, '.caravan')).mode & 0o777).toBe(0o700);
  });

  test('awaits a step whose connection was cut', async () => {
    const home = makeHome();
    const first = levelIn(home, shell);
    const step: ShellStep = {
      script: sh`echo x >>"$HOME"/counter; until [ -e "$HOME"/go ]; do sleep 0.05; done; echo done`,
      receipt: once('a'),
    };
    void first.level.run(step).catch(() => undefined);
    await untilThere(join(home, 'counter'));
    first.cut();
    const again = levelIn(home, shell).level.run(step);
    await levelIn(home, shell).level.run({ script: sh`touch "$HOME"/go` });
    expect(await again).toEqual({ code: 0, stdout: 'done\n', stderr: '' });
    expect(readFileSync(join(home, 'counter'), 'utf8')).toBe('x\n');
  });

  test('ends a step past its deadline in the shell of the connection that was cut', async () => {
    const home = makeHome();
    const first = levelIn(home, shell);
    const sleep = `${process.pid}${shells.indexOf(shell)}778`;
    const script = sh`echo x >"$HOME"/began; sleep ${sleep}; echo x >"$HOME"/done`;
    const step: ShellStep = { script, receipt: once('a') };
    void first.level.run(step).catch(() => undefined);
    await untilThere(join(home, 'began'));
    first.cut();
    await expect(levelIn(home, shell).level.run(step, { timeoutMs: 500 })).rejects.toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('were ended') as string,
    });
    expect(processesWith(sleep)).toEqual([]);
    expect(existsSync(join(home, 'done'))).toBe(false);
  });

  test('tells that a step which was killed has left no end', async () => {
    const home = makeHome();
    const first = levelIn(home, shell);
    const sleep = `${process.pid}${shells.indexOf(shell)}777`;
    const step: ShellStep = { script: sh`sleep ${sleep}`, receipt: once('a') };
    const stopped = first.level.run(step, { timeoutMs: 500 });
    await expect(stopped).rejects.toMatchObject({ kind: 'timeout' });
    await until(() => processesWith(sleep).length === 0, 'no sleep is left');
    await expect(levelIn(home, shell).level.run(step)).rejects.toMatchObject({
      kind: 'command',
      message: expect.stringContaining('is not known') as string,
    });
  });

  test('never runs a step whose claim is empty: it may have run', async () => {
    const home = makeHome();
    const { level } = levelIn(home, shell);
    mkdirSync(join(home, '.caravan/run1'), { recursive: true });
    writeFileSync(join(home, '.caravan/run1/a'), '');
    const step: ShellStep = { script: sh`echo x >>"$HOME"/counter`, receipt: once('a') };
    await expect(level.run(step)).rejects.toMatchObject({ kind: 'command' });
    expect(existsSync(join(home, 'counter'))).toBe(false);
  });

  test('runs a step that may be repeated until it has once succeeded', async () => {
    const { level } = levelIn(makeHome(), shell);
    const step: ShellStep = {
      script: sh`echo x >>"$HOME"/counter; [ "$(wc -l <"$HOME"/counter)" -gt 1 ]`,
      receipt: { run: 'run1', step: 'a', kind: 'again' },
    };
    const codes: (number | null)[] = [];
    for (let i = 0; i < 4; i++) codes.push((await level.run(step)).code);
    expect(codes).toEqual([1, 0, 0, 0]);
    expect((await level.run({ script: sh`wc -l <"$HOME"/counter` })).stdout.trim()).toBe('2');
  });

  test('keeps that a step has begun which ends by printing to nobody', async () => {
    const home = makeHome();
    const first = levelIn(home, shell);
    const step: ShellStep = {
      script: sh`echo x >"$HOME"/began; until [ -e "$HOME"/go ]; do sleep 0.05; done
echo x >"$HOME"/done; echo done; echo x >"$HOME"/behind`,
      receipt: { run: 'run1', step: 'a', kind: 'again' },
    };
    void first.level.run(step).catch(() => undefined);
    await untilThere(join(home, 'began'));
    first.cut();
    writeFileSync(join(home, 'go'), '');
    await untilThere(join(home, 'done'));
    expect(readFileSync(join(home, '.caravan/run1/a.rc'), 'utf8')).toBe('begun\n');
    expect(await levelIn(home, shell).level.run(step)).toMatchObject({ code: 0, stdout: 'done\n' });
    expect(readFileSync(join(home, '.caravan/run1/a.rc'), 'utf8')).toBe('0\n');
  });

  test('runs steps of a batch in order, and none behind a chained one that failed', async () => {
    const { level } = levelIn(makeHome(), shell);
    const batch = { name: 'test' };
    const steps: ShellStep[] = [
      { script: sh`echo look` },
      { script: sh`echo one`, chained: true },
      { script: sh`cat; exit 4`, chained: true, stdin: Buffer.from('two\n') },
      { script: sh`echo three >>"$HOME"/three`, chained: true, receipt: once('three') },
      { script: sh`ls "$HOME"` },
    ];
    const results = await Promise.allSettled(steps.map((step) => level.run(step, { batch })));
    expect(
      results.map((result) =>
        result.status === 'fulfilled'
          ? `${result.value.stdout.trim()} ${result.value.code}`
          : (result.reason as Error).name,
      ),
    ).toEqual(['look 0', 'one 0', 'two 4', 'StepNotRun', ' 0']);
    const step = { script: sh`echo next`, chained: true };
    expect((await level.run(step, { batch: { name: 'next' } })).stdout).toBe('next\n');
  });

  test('never begins what arrived in part', async () => {
    const home = makeHome();
    const child = startChild(shell.split(' ')[0]!, [...shell.split(' ').slice(1), '-s']);
    const ended = new Promise<void>((resolve) => {
      child.onClose(resolve);
    });
    const { batchText } = await import('../../src/transport/step-text.js');
    const script = sh`cat >${home}/file; touch ${home}/began`;
    const stdin = Buffer.alloc(20_000, 'x');
    const text = [...batchText([{ nonce: 'n'.repeat(32), step: { script, stdin } }])].join('');
    child.stdin.end(text.slice(0, text.length - 60));
    await ended;
    expect(readdirSync(home)).toEqual([]);
  });
});

test('Lines of a step with a receipt come while it runs, each once', async () => {
  const home = makeHome();
  const { level } = levelIn(home);
  const lines: string[] = [];
  const step: ShellStep = {
    script: sh`echo first; until [ -e "$HOME"/go ]; do sleep 0.05; done; printf 'last\nof all'`,
    receipt: once('a'),
    onLine: (line) => {
      lines.push(line);
      if (line !== 'first') return;
      const go = levelIn(home).level.run({ script: sh`touch "$HOME"/go` });
      go.catch(() => undefined); // the test may be over before its end is known
    },
  };
  expect((await level.run(step)).stdout).toBe('first\nlast\nof all');
  expect(lines).toEqual(['first', 'last', 'of all']);
});

test('A step with a receipt that keeps no output is awaited too', async () => {
  const { level } = levelIn('/proc/1/no-home');
  const step = { script: sh`sleep 1.2; echo out`, receipt: once('a'), onLine: () => undefined };
  expect((await level.run(step)).stdout).toBe('out\n');
});

test('A step with a receipt that prints too much is ended before it is at its end', async () => {
  const { level } = levelIn(makeHome());
  const step: ShellStep = {
    script: sh`head -c 70000000 /dev/zero >&2; while :; do sleep 0.1; done`,
    receipt: once('a'),
    onLine: () => undefined,
  };
  await expect(level.run(step, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'command' });
});

test('What a step with a receipt has printed is not brought where it is too much', async () => {
  let brought = 0;
  const { level } = levelIn(makeHome(), '/bin/sh', (channel) => {
    channel.stdout.on('data', ({ length }: Buffer) => (brought += length));
  });
  const step: ShellStep = {
    script: sh`head -c 70000000 /dev/zero; while :; do sleep 0.1; done`,
    receipt: once('a'),
    onLine: () => undefined,
  };
  await expect(level.run(step, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'command' });
  expect(brought).toBeLessThan(10_000);
});

test('A shell that opens to watch a step after that has ended goes at once', async () => {
  const home = makeHome();
  const open = (line: string) =>
    Promise.resolve(startChild('/bin/sh', ['-c', `HOME=${quoteWord(home)} ${line}`]));
  const opened: ShellSession[] = [];
  let release = (): void => undefined;
  const stepOver = new Promise<void>((resolve) => (release = resolve));
  const level = new PrivilegeLevel({
    host: 'web01',
    lost: () => undefined,
    openShell: async () => {
      if (opened.length > 0) await stepOver;
      opened.push(await openShell(open, { host: 'web01' }));
      return opened.at(-1)!;
    },
  });
  await level.run({ script: sh`sleep 1.2`, receipt: once('a'), onLine: () => undefined });
  release();
  await until(() => opened[1]?.alive === false, 'the second shell is let go');
  void level.end();
});

test('A step runs without a receipt where no file can be made', async () => {
  const { level } = levelIn('/proc/1/no-home');
  const step: ShellStep = { script: sh`echo out`, receipt: once('a') };
  expect(await level.run(step)).toEqual({ code: 0, stdout: 'out\n', stderr: '' });
});

test('Receipts of a run go when they are of no more use', async () => {
  const home = makeHome();
  const { level } = levelIn(home);
  await level.run({ script: sh`:`, receipt: once('a') });
  expect(readdirSync(join(home, '.caravan/run1')).sort()).toContain('a.rc');
  await level.end(true);
  expect(existsSync(join(home, '.caravan'))).toBe(false);
});
