import { existsSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import type { RunEvent } from '../../src/engine/events.js';
import type { AnyModule, TaskModule } from '../../src/modules/module.js';
import { coreModules } from '../../src/modules/registry.js';
import { sh } from '../../src/values/shell.js';
import { fleet, folder, run } from './fleet.js';

test('runPlaybook runs tasks on all hosts and changes nothing the second time', async () => {
  const dir = await folder();
  const playbook = `
- name: motd
  hosts: web
  vars:
    greeting: "hello from {{ inventory_hostname }}"
  tasks:
    - name: write
      copy: { content: "{{ greeting }}\\n", dest: "{{ dir }}/{{ inventory_hostname }}", mode: 0640 }
      notify: tell
  handlers:
    - name: tell
      command: echo told
`;
  const first = await run(playbook, { extraVars: { dir } });
  expect(first.outcome).toBe('ok');
  expect(await readFile(join(dir, 'h3'), 'utf8')).toBe('hello from h3\n');
  expect(first.recap['h1']).toEqual({
    ok: 2,
    changed: 2,
    skipped: 0,
    failed: 0,
    unreachable: 0,
    rescued: 0,
    ignored: 0,
  });
  expect(first.opened.sort()).toEqual(['h1', 'h2', 'h3', 'h4']);
  const second = await run(playbook, { extraVars: { dir } });
  expect(second.recap['h1']).toEqual({
    ok: 1,
    changed: 0,
    skipped: 0,
    failed: 0,
    unreachable: 0,
    rescued: 0,
    ignored: 0,
  });
});

test('runPlaybook changes nothing in check mode and shows diffs when asked', async () => {
  const dir = await folder();
  await writeFile(join(dir, 'a'), 'old\n');
  const playbook = `
- hosts: h1
  tasks:
    - { name: write, copy: { content: "new\\n", dest: "{{ dir }}/a" } }
    - { name: hidden, copy: { content: "new\\n", dest: "{{ dir }}/a" }, no_log: true }
`;
  const ran = await run(playbook, { extraVars: { dir }, check: true, diff: true });
  expect(await readFile(join(dir, 'a'), 'utf8')).toBe('old\n');
  const changes = ran.events.flatMap((e) => (e.type === 'host-result' ? e.changes : []));
  expect(changes[0]?.diff).toEqual({ path: join(dir, 'a'), before: 'old\n', after: 'new\n' });
  expect(changes[1]).toEqual({ summary: '[hidden by no_log]' });
});

test('runPlaybook registers, loops, sets facts and evaluates conditions', async () => {
  const ran = await run(`
- hosts: web
  tasks:
    - { name: list, shell: "printf 'a\\\\nb\\\\n'", register: out, changed_when: false }
    - { name: each, debug: { msg: "{{ item }}" }, loop: "{{ out.stdout_lines }}" }
    - { name: keep, set_fact: { kept: "{{ out.stdout_lines }}" }, when: inventory_hostname == 'h2' }
- hosts: h1
  tasks:
    - { name: other, debug: { msg: "{{ hostvars['h2'].kept[1] }}" } }
    - { name: never, fail: { msg: "no" }, when: [out.rc == 0, false] }
`);
  expect(ran.outcome).toBe('ok');
  expect(ran.results.filter((r) => r.startsWith('h1'))).toEqual([
    'h1 list ok',
    'h1 each(a) ok',
    'h1 each(b) ok',
    'h1 keep skipped',
    'h1 other ok',
    'h1 never skipped',
  ]);
  expect(ran.facts.get('h2')?.['kept']).toEqual(['a', 'b']);
});

test('runPlaybook imports playbooks in a dynamic loop', async () => {
  const ran = await run({
    'site.yml': `
- hosts: localhost
  tasks: [{ name: plan, set_fact: { walk: [one, two] } }]
- import_playbook: step.yml
  loop: "{{ walk }}"
  vars: { state: "{{ item }}-state" }
`,
    'step.yml': `
- hosts: h1
  tasks:
    - { name: step, debug: { msg: "{{ state }} {{ item }}" }, loop: [x] }
`,
  });
  const messages = ran.events.flatMap((e) =>
    e.type === 'host-result' && e.task === 'step' ? [e.result?.['msg']] : [],
  );
  expect(messages).toEqual(['one-state x', 'two-state x']);
});

test('runPlaybook loses failed and unreachable hosts and goes on with the others', async () => {
  const ran = await run(
    `
- hosts: web
  tasks:
    - { name: split, command: "test {{ inventory_hostname }} != h2" }
    - { name: after, command: "true" }
`,
    { inventory: fleet(['h1', 'h2', 'gone1']) },
  );
  expect(ran.outcome).toBe('unreachable');
  expect(ran.results.filter((r) => r.includes('after'))).toEqual(['h1 after changed']);
  expect(ran.failures.map(({ host, error }) => [host, error.kind]).sort()).toEqual([
    ['gone1', 'connect'],
    ['h2', 'command'],
  ]);
  expect(ran.recap['gone1']?.unreachable).toBe(1);
});

test('runPlaybook stops the run when all hosts of a batch failed', async () => {
  const ran = await run(`
- hosts: web
  serial: 2
  tasks: [{ name: break, fail: { msg: "no" } }]
- hosts: web
  tasks: [{ name: later, command: "true" }]
`);
  expect(ran.outcome).toBe('failed');
  expect(ran.results.sort()).toEqual(['h1 break failed', 'h2 break failed']);
});

test('runPlaybook stops past max_fail_percentage, strictly', async () => {
  const playbook = (max: number): string => `
- hosts: web
  max_fail_percentage: ${max}
  tasks:
    - { name: one, command: "test {{ inventory_hostname }} != h2" }
    - { name: two, command: "true" }
`;
  expect((await run(playbook(25))).results).toContain('h1 two changed');
  expect((await run(playbook(24))).results).not.toContain('h1 two changed');
});

test('runPlaybook rescues a block', async () => {
  const ran = await run(`
- hosts: web
  tasks:
    - block:
        - { name: try, command: "test {{ inventory_hostname }} = h1" }
        - { name: not reached, command: "true" }
      rescue: [{ name: save, command: "true" }]
      always: [{ name: always, command: "true" }]
    - { name: after, command: "true" }
`);
  expect(ran.outcome).toBe('ok');
  expect(ran.failures).toEqual([]);
  expect(ran.results.filter((r) => r.startsWith('h2'))).toEqual([
    'h2 try failed',
    'h2 save changed',
    'h2 always changed',
    'h2 after changed',
  ]);
  expect(ran.results).toContain('h1 not reached changed');
});

/** Runs a playbook that is cancelled once `isTime` of an event. */
async function cancelledRun(
  playbook: string,
  isTime: (event: RunEvent) => boolean,
  modules: readonly AnyModule[] = coreModules,
) {
  const controller = new AbortController();
  const ran = await run(playbook, {
    modules,
    signal: controller.signal,
    emit: (event) => {
      if (isTime(event)) controller.abort();
    },
  });
  expect(ran.outcome).toBe('cancelled');
  return ran;
}

test('runPlaybook finishes a command that is under way when it is cancelled', async () => {
  const dir = await folder();
  const ran = await cancelledRun(
    `
- hosts: h1
  tasks:
    - { name: long, shell: "echo begun; until [ -e ${dir}/end ]; do sleep 0.05; done; echo on" }
    - { name: after, command: "true" }
- hosts: h2
  tasks: [{ name: never, debug: { msg: never } }]
`,
    (event) => {
      if (event.type !== 'progress' || event.line !== 'begun') return false;
      setImmediate(() => {
        writeFileSync(join(dir, 'end'), '');
      });
      return true;
    },
  );
  expect(ran.results).toEqual(['h1 long changed']);
});

test('runPlaybook ends what only waits when it is cancelled', async () => {
  const ran = await cancelledRun(
    `
- hosts: h1
  tasks:
    - { name: long, wait_for: { path: /no/such/file, timeout: 200 } }
    - { name: after, command: "true" }
`,
    ({ type }) => type === 'task-start',
  );
  expect(ran.results).toEqual(['h1 long failed']);
  expect(ran.events).toContainEqual(
    expect.objectContaining({ error: expect.objectContaining({ kind: 'cancelled' }) as unknown }),
  );
});

test('a module that is cancelled may still take back what it did, by steps that run once', async () => {
  const dir = await folder();
  const holding: TaskModule<object> = {
    name: 'holding',
    doc: 'Holds something while it waits.',
    input: z.strictObject({}),
    observe: () => Promise.resolve(undefined),
    check: () => ({ changes: [{ summary: 'hold' }] }),
    apply: async (_changes, _input, context) => {
      const { connection, clock, signal } = context;
      try {
        context.progress('held');
        await clock.sleep(60_000, signal);
      } finally {
        await connection.run(sh`touch ${join(dir, 'released')}`, { once: true });
      }
      return {};
    },
  };
  await cancelledRun(
    '[{ hosts: h1, tasks: [{ holding: {} }] }]',
    ({ type }) => type === 'progress',
    [...coreModules, holding],
  );
  expect(existsSync(join(dir, 'released'))).toBe(true);
});

test('runPlaybook ends a task at its deadline', async () => {
  const ran = await run(`
- hosts: h1
  tasks: [{ name: long, command: sleep 30, timeout: 0.3 }]
`);
  expect(ran.failures[0]?.error).toMatchObject({ kind: 'timeout' });
});

test('runPlaybook retries until a condition holds', async () => {
  const ran = await run(`
- hosts: h1
  tasks:
    - name: grow
      shell: "echo x >> {{ dir }}/n; wc -l < {{ dir }}/n"
      register: n
      until: n.stdout | int >= 3
      retries: 5
      delay: 0.01
    - { name: ignored, command: "false", ignore_errors: true, register: bad }
    - { name: seen, debug: { msg: x }, when: bad is failed and bad.rc == 1 }
`);
  expect(ran.outcome).toBe('ok');
  expect(ran.results).toEqual(['h1 grow changed', 'h1 ignored failed', 'h1 seen ok']);
});

test('runPlaybook runs once, on the next host where the first does not answer', async () => {
  const ran = await run(
    `
- hosts: web
  tasks:
    - { name: once, command: hostname, run_once: true, register: who }
    - { name: all, command: "echo {{ who.rc }}" }
`,
    { inventory: fleet(['gone1', 'h1', 'h2']) },
  );
  expect(ran.results.slice(0, 2)).toEqual(['gone1 once unreachable', 'h1 once changed']);
  // Hosts of one task end in any order.
  expect(ran.results.slice(2).sort()).toEqual(['h1 all changed', 'h2 all changed']);
});

test('runPlaybook runs the core modules on a real host', async () => {
  const ran = await run(`
- hosts: h1
  vars: { d: "{{ dir }}/made/here" }
  tasks:
    - { name: folder, file: { path: "{{ d }}", state: directory, mode: "0750" } }
    - { name: folder again, file: { path: "{{ d }}", state: directory, mode: "0750" } }
    - { name: copy, copy: { src: site.yml, dest: "{{ d }}/", mode: "0600" } }
    - { name: look, stat: { path: "{{ d }}/site.yml" }, register: s }
    - { name: read, slurp: "{{ d }}/site.yml", register: r }
    - name: sound
      assert:
        that: [s.stat.mode == '0600', s.stat.isreg, "'sound' in r.content | b64decode"]
    - { name: wait, wait_for: { path: "{{ d }}", timeout: 1 } }
    - { name: gone, file: { path: "{{ dir }}/made", state: absent } }
    - { name: wait gone, wait_for: { path: "{{ d }}", state: absent, timeout: 1 } }
    - { name: unsound, assert: { that: s.stat.size == 1, fail_msg: too large } }
`);
  expect(ran.results.map((r) => r.slice(3))).toEqual([
    ...['folder changed', 'folder again ok', 'copy changed', 'look ok', 'read ok', 'sound ok'],
    ...['wait ok', 'gone changed', 'wait gone ok', 'unsound failed'],
  ]);
  expect(ran.failures[0]?.error).toEqual({
    kind: 'verify',
    message: 'too large',
    hint: 'does not hold: s.stat.size == 1',
  });
});

test('copy has the bytes of a file validated as they are', async () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x0a]);
  const from = join(await folder(), 'bytes');
  await writeFile(from, bytes);
  const ran = await run(`
- hosts: h1
  vars: { from: ${from} }
  tasks:
    - copy: { src: "{{ from }}", dest: "{{ dir }}/sound", validate: "cmp %s {{ from }}" }
    - copy: { src: "{{ from }}", dest: "{{ dir }}/unsound", validate: "cmp %s {{ dir }}/site.yml" }
`);
  expect(ran.results).toEqual(['h1 copy changed', 'h1 copy failed']);
});
