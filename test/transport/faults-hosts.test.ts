/** Hosts that are not as they should be: full or read-only disks, odd logins, a clock that is wrong. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createTransport } from '../../src/transport/transport.js';
import { sh } from '../../src/values/shell.js';
import { fleet, folder, run, type Ran } from '../engine/fleet.js';
import { sshVars } from './faults.js';
import { startSshd, type Sshd } from './sshd.js';

const asRoot = userInfo().uid === 0;

const PLAYBOOK = `
- hosts: web
  tasks:
    - { name: file, copy: { src: text, dest: "{{ home }}/file", mode: "0640" } }
    - { name: counter, shell: "echo ran >>{{ home }}/counter" }
    - { name: line, lineinfile: { path: "{{ home }}/conf", line: "new ü" } }
`;
const TEXT = 'ein Text, über den man stolpert\n'.repeat(8000);
const DONE = { conf: 'old\nnew ü\n', counter: 'ran\n', file: TEXT };

/** Files of a folder, name to text. */
function filesOf(home: string): Record<string, string> {
  const names = readdirSync(home);
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(home, name), 'utf8')]));
}

/** Runs the playbook on `h1`, which is one sshd, and `h2`, which may be another. */
async function runOn(
  homes: Readonly<Record<string, string>>,
  sshdOf: (host: string) => Sshd,
  onResult: (result: string) => void = () => undefined,
): Promise<Ran> {
  const base = await folder();
  const inventory = fleet(Object.keys(homes), (host) => ({
    ...sshVars(sshdOf(host), sshdOf(host).port, base),
    home: homes[host],
  }));
  return run(
    { 'site.yml': PLAYBOOK, text: TEXT },
    {
      inventory,
      emit: (event) => {
        if (event.type === 'host-result') onResult(`${event.host} ${event.task}`);
      },
    },
  );
}

async function newHome(): Promise<string> {
  const home = join(await folder(), 'home');
  mkdirSync(home);
  writeFileSync(join(home, 'conf'), 'old\n');
  return home;
}

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
});

const canMount =
  asRoot && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'x', '/mnt']).status === 0;
if (!canMount)
  process.stdout.write('skipped: full and read-only disks need root to mount a tmpfs\n');

/** A file system in memory, gone when the test is done. */
async function mounted(size: string): Promise<string> {
  const at = join(await folder(), 'disk');
  mkdirSync(at);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'caravan-test', at]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', at]);
  });
  writeFileSync(join(at, 'conf'), 'old\n');
  return at;
}

describe.runIf(canMount)('A host', () => {
  test('whose disk is full says so, keeps what it had, and holds up nobody', async () => {
    const homes = { h1: await mounted('64k'), h2: await newHome() };
    writeFileSync(join(homes.h1, 'file'), 'what was there\n');
    const ran = await runOn(homes, () => sshd);
    expect(ran.failures).toMatchObject(
      [{ host: 'h1', task: 'file', error: { kind: 'command', message: /No space left/ } }].map(
        matching,
      ),
    );
    expect(filesOf(homes.h1)).toEqual({ conf: 'old\n', file: 'what was there\n' });
    expect(filesOf(homes.h2)).toEqual(DONE);
  });

  test('whose disk is read-only says so, and holds up nobody', async () => {
    const homes = { h1: await mounted('8m'), h2: await newHome() };
    execFileSync('mount', ['-o', 'remount,ro', homes.h1]);
    const ran = await runOn(homes, () => sshd);
    expect(ran.failures).toMatchObject(
      [
        { host: 'h1', task: 'file', error: { kind: 'command', message: /Read-only file system/ } },
      ].map(matching),
    );
    expect(filesOf(homes.h1)).toEqual({ conf: 'old\n' });
    expect(filesOf(homes.h2)).toEqual(DONE);
  });
});

interface Failure {
  readonly host: string;
  readonly task: string;
  readonly error: { readonly kind: string; readonly message: RegExp };
}

function matching({ error, ...place }: Failure): unknown {
  return { ...place, error: { ...error, message: expect.stringMatching(error.message) as string } };
}

describe('A run whose host restarts sshd', () => {
  test('goes on where only the listener restarts', async () => {
    const own = await startSshd();
    onTestFinished(() => own.stop());
    const homes = { h1: await newHome(), h2: await newHome() };
    const ran = await runOn(
      homes,
      (host) => (host === 'h1' ? own : sshd),
      (result) => {
        if (result === 'h1 file') process.kill(listenerOf(own), 'SIGHUP');
      },
    );
    expect(ran.failures).toEqual([]);
    for (const home of Object.values(homes)) expect(filesOf(home)).toEqual(DONE);
  });

  test('is right or says why where its sessions end with it, on that host alone', async () => {
    const own = await startSshd();
    onTestFinished(() => own.stop());
    const homes = { h1: await newHome(), h2: await newHome() };
    const ran = await runOn(
      homes,
      (host) => (host === 'h1' ? own : sshd),
      (result) => {
        if (result !== 'h1 file') return;
        for (const pid of childrenOf(listenerOf(own))) process.kill(pid, 'SIGKILL');
      },
    );
    expect(filesOf(homes.h2)).toEqual(DONE);
    if (ran.outcome === 'ok') {
      expect(filesOf(homes.h1)).toEqual(DONE);
      return;
    }
    expect(ran.failures).toMatchObject([{ host: 'h1', error: { kind: 'connect' } }]);
    const { file, counter = '' } = filesOf(homes.h1);
    expect([file, ['', 'ran\n'].includes(counter)]).toEqual([TEXT, true]);
  });
});

function listenerOf({ folder }: Sshd): number {
  return Number(readFileSync(join(folder, 'sshd.pid'), 'utf8'));
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** As the login shell of a user: sshd gives it the command line as one word behind `-c`. */
const LOGINS: readonly [what: string, config: readonly string[], needs?: string][] = [
  ['csh', ['ForceCommand exec tcsh -f -c "$SSH_ORIGINAL_COMMAND"'], '/usr/bin/tcsh'],
  ['fish', ['ForceCommand exec fish -c "$SSH_ORIGINAL_COMMAND"'], '/usr/bin/fish'],
  [
    'a shell that greets on both streams',
    [
      'ForceCommand echo "Welcome <\\n"; echo "maintenance at 12:00" >&2; eval "$SSH_ORIGINAL_COMMAND"',
    ],
  ],
  ['a banner before the login', ['Banner /etc/hostname']],
  ['a locale that is not UTF-8', ['SetEnv LC_ALL=de_DE.ISO-8859-1 LANG=de_DE.ISO-8859-1']],
];

describe.each(LOGINS)('A login with %s', (_what, config, needs) => {
  test.runIf(needs === undefined || existsSync(needs))('does the same', async () => {
    const own = await startSshd({ config });
    onTestFinished(() => own.stop());
    const home = await newHome();
    const ran = await runOn({ h1: home }, () => own);
    expect(ran.failures).toEqual([]);
    expect(filesOf(home)).toEqual(DONE);
    const connection = await createTransport().connect(own.target());
    onTestFinished(() => connection.close());
    expect(await connection.run(sh`echo ${'ü "quoted" $HOME'}; echo err >&2; exit 3`)).toEqual({
      code: 3,
      stdout: 'ü "quoted" $HOME\n',
      stderr: 'err\n',
    });
  });
});

test.each(['1999-01-01', '2099-01-01'])(
  'A host whose clock says %s is as good as any',
  async (day) => {
    const bin = await folder();
    const seconds = Date.parse(day) / 1000;
    const date = `#!/bin/sh\n[ $# -gt 0 ] && exec /bin/date -d @${seconds} "$@"\nexec /bin/date -d @${seconds}\n`;
    writeFileSync(join(bin, 'date'), date, { mode: 0o755 });
    const own = await startSshd({ config: [`SetEnv PATH=${bin}:/usr/bin:/bin`] });
    onTestFinished(() => own.stop());
    const home = await newHome();
    const first = await runOn({ h1: home }, () => own);
    expect(first.failures).toEqual([]);
    expect(filesOf(home)).toEqual(DONE);
    const again = await runOn({ h1: home }, () => own);
    expect(again.recap['h1']).toMatchObject({ ok: 3, changed: 1, failed: 0 });
    const connection = await createTransport().connect(own.target());
    onTestFinished(() => connection.close());
    expect((await connection.run(sh`date +%F`)).stdout).toBe(`${day}\n`);
  },
);
