import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ByteBudget } from '../../src/transport/byte-budget.js';
import { HostConnection } from '../../src/transport/host-connection.js';
import { startChild } from '../../src/transport/local.js';
import type { Transport } from '../../src/transport/port.js';
import { fleet, folder, run } from '../engine/fleet.js';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);

/** A shell in which `printf` is a program, as in OpenBSD's: what it is given would be seen in argv. */
function bashWithoutPrintf(): string {
  const made = mkdtempSync(join(tmpdir(), 'caravan-shell-'));
  afterAll(() => {
    rmSync(made, { recursive: true });
  });
  const shell = join(made, 'bash-without-printf');
  writeFileSync(join(made, 'rc'), 'enable -n printf\n');
  const exec = `BASH_ENV=${join(made, 'rc')} exec /bin/bash "$@"`;
  writeFileSync(shell, `#!/bin/sh\n${exec}\n`, { mode: 0o755 });
  return shell;
}

/** A local host whose shell is another one, with a PATH of its own. */
function hostWith(shell: string, path: string): Transport {
  return {
    connect: ({ host, become, user }) =>
      Promise.resolve(
        new HostConnection(
          { host, become, user: user ?? userInfo().username },
          {
            openChannel: (commandLine) => {
              const command = commandLine.replaceAll('/bin/sh', shell);
              return Promise.resolve(startChild('/bin/sh', ['-c', `PATH=${path}; ${command}`]));
            },
            forward: () => Promise.reject(new Error('not asked for here')),
            lost: () => undefined,
            close: () => Promise.resolve(),
          },
          new ByteBudget(1024 * 1024),
        ),
      ),
  };
}

const PLAYBOOK = `
- hosts: h1
  gather_facts: true
  tasks:
    - { copy: { content: "one\\ntwo\\n", dest: "{{ at }}/f", mode: "0640" } }
    - { copy: { content: "one\\ntwo\\n", dest: "{{ at }}/f", mode: "0640" }, register: again }
    - { file: { path: "{{ at }}/d/e", state: directory, mode: "0750" } }
    - { file: { path: "{{ at }}/d", state: directory, owner: "{{ me }}", recurse: true } }
    - { file: { src: "{{ at }}/f", dest: "{{ at }}/l", state: link } }
    - { file: { src: "{{ at }}/f", dest: "{{ at }}/h", state: hard } }
    - { file: { path: "{{ at }}/t", state: touch } }
    - { lineinfile: { path: "{{ at }}/f", line: three } }
    - { blockinfile: { path: "{{ at }}/f", block: inside } }
    - { replace: { path: "{{ at }}/f", regexp: two, replace: zwei } }
    - { template: { src: t.j2, dest: "{{ at }}/out" } }
    - { script: "run.sh 'a b'", register: scripted }
    - { command: "echo x", args: { chdir: "{{ at }}", creates: "{{ at }}/none" } }
    - { shell: "echo $1-$(pwd)", args: { chdir: "{{ at }}" }, environment: { A: "b c" } }
    - { shell: 'echo "$A"', environment: { A: "b c" }, register: environment_said }
    - { stat: { path: "{{ at }}/f", checksum_algorithm: sha256 }, register: stat_said }
    - { stat: { path: "{{ at }}/l" }, register: link_said }
    - { slurp: { src: "{{ at }}/out" }, register: slurped }
    - { find: { paths: "{{ at }}", recurse: true }, register: found }
    - { tempfile: { state: directory, path: "{{ at }}", suffix: .tmp }, register: temporary }
    - { file: { path: "{{ temporary.path }}", state: absent } }
    - { fetch: { src: "{{ at }}/f", dest: "{{ at }}/fetched", flat: true } }
    - { wait_for: { path: "{{ at }}/f", timeout: 5 } }
`;

const USUAL_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Each way to put bytes into a script. */
const CONTENTS = [
  'it\'s \\n 100 % $HOME `id` "x"\n~\n\n',
  'no newline at its end',
  '',
  '\n',
  '-n\n',
  'ä\r\n',
  Buffer.from([0, 1, 255, 10]),
  `${'x'.repeat(60_000)}\n`,
];

const shells: [string, string][] = [
  ['/bin/dash', USUAL_PATH],
  [bashWithoutPrintf(), USUAL_PATH],
  ...(BUSYBOX === undefined ? [] : [[`${BUSYBOX} sh`, ''] as [string, string]]),
];

describe.each(shells)('Modules on a host with %s', (shell, path) => {
  test('do the same', async () => {
    const at = await folder();
    let own = path;
    if (own === '') {
      // Nothing but busybox: what coreutils alone can do is not enough then.
      own = join(await folder(), 'bin');
      mkdirSync(own);
      execFileSync(BUSYBOX!, ['--install', '-s', own]);
    }
    const files = {
      'site.yml': PLAYBOOK,
      't.j2': 'of {{ ansible_facts.system }}\n',
      'run.sh': '#!/bin/sh\necho "got $1"\n',
    };
    const ran = await run(files, {
      transport: hostWith(shell, own),
      inventory: fleet(['h1']),
      extraVars: { at, me: String(process.getuid?.()) },
    });
    expect(ran.failures).toEqual([]);
    const facts = ran.facts.get('h1') as Record<string, Record<string, unknown>>;
    expect(facts['again']?.['changed']).toBe(false);
    expect(facts['scripted']?.['stdout']).toBe('got a b');
    expect(facts['environment_said']?.['stdout']).toBe('b c');
    expect(facts['link_said']?.['stat']).toMatchObject({ islnk: true, lnk_target: join(at, 'f') });
    expect(facts['stat_said']?.['stat']).toMatchObject({ mode: '0640', nlink: 1, isreg: true });
    expect(Buffer.from(String(facts['slurped']?.['content']), 'base64').toString()).toBe(
      'of Linux\n',
    );
    expect(facts['found']?.['matched']).toBe(4);
    const text = readFileSync(join(at, 'f'), 'utf8');
    expect(text).toBe(
      'one\nzwei\nthree\n# BEGIN ANSIBLE MANAGED BLOCK\ninside\n# END ANSIBLE MANAGED BLOCK\n',
    );
    expect(readFileSync(join(at, 'fetched'), 'utf8')).toBe(text);
    // An edit puts another file in place, so the hard link keeps what was there.
    expect(readFileSync(join(at, 'h'), 'utf8')).toBe('one\ntwo\n');
    expect(statSync(join(at, 'd/e')).mode & 0o777).toBe(0o750);
    expect((await readdir(at)).sort()).toEqual(['d', 'f', 'fetched', 'h', 'l', 'out', 't']);
  });

  test('write several files at once, byte for byte', async () => {
    const at = await folder();
    const become = { enabled: false, user: 'root' };
    const target = { host: 'h1', kind: 'local', address: '', become } as const;
    const connection = await hostWith(shell, path || USUAL_PATH).connect(target);
    const files = CONTENTS.map((content, i) => ({ path: join(at, `f${i}`), content }));
    await connection.writeFiles(files);
    await connection.close();
    const found = files.map((file) => readFileSync(file.path));
    expect(found).toEqual(CONTENTS.map((content) => Buffer.from(content)));
  });
});
