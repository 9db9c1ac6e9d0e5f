import { expect, test } from 'vitest';
import { coreModules } from '../modules/registry.js';
import { CaravanError } from '../values/error.js';
import { loadPlaybook } from './load.js';
import type { Block, Play, Playbook, Task } from './model.js';

function load(files: string | Record<string, string>): Promise<Playbook> {
  const all = typeof files === 'string' ? { 'p.yml': files } : files;
  return loadPlaybook('p.yml', {
    modules: coreModules,
    workingFolder: '/books',
    readText: (file) => {
      const text = all[file.replace('/books/', '')];
      return text === undefined ? Promise.reject(new Error('no such file')) : Promise.resolve(text);
    },
  });
}

const play = (task: string): string => `- hosts: all\n  tasks:\n    - ${task}\n`;

test.each<[string, string, string, RegExp, string?]>([
  ['a key of a play', '- hosts: all\n  taks: []\n', 'p.yml:2:3', /unknown key 'taks'/, "'tasks'"],
  ['a module', play('copi: { dest: /a, content: b }'), 'p.yml:3:7', /'copi' is neither/, "'copy'"],
  ['a key of a task', play('{ command: a, wen: x }'), 'p.yml:3:21', /'wen' is neither/, "'when'"],
  [
    'a key of a module',
    play('copy: { dst: /a, content: b }'),
    'p.yml:3:20',
    /no key 'dst'/,
    "'dest'",
  ],
  ['a value of a module', play('copy: { dest: a, content: b }'), 'p.yml:3:21', /absolute path/],
  ['a handler', play('{ command: a, notify: x }'), 'p.yml:3:29', /no handler 'x'/],
  ['a play without hosts', '- name: x\n', 'p.yml:1:3', /has no 'hosts'/],
  ['two modules', play('{ command: a, shell: b }'), 'p.yml:3:21', /names 2 modules/],
  ['broken YAML', '- hosts: [\n', 'p.yml:2:1', /not valid YAML/],
  [
    'an import that is not there',
    '- import_playbook: q.yml\n',
    'p.yml:1:20',
    /read playbook q.yml/,
  ],
  ['an import of itself', '- import_playbook: p.yml\n', 'p.yml:1:20', /imports itself/],
])('loadPlaybook refuses %s', async (_name, text, source, message, hint = '') => {
  const thrown = await load(text).then(
    () => undefined,
    (error: unknown) => error as CaravanError,
  );
  expect(thrown).toBeInstanceOf(CaravanError);
  expect(thrown?.message).toMatch(message);
  expect(thrown?.detail.source).toBe(source);
  expect(thrown?.detail.hint ?? '').toContain(hint);
});

test('loadPlaybook checks imports in a loop before anything runs', async () => {
  const files = {
    'p.yml': '- import_playbook: q.yml\n  loop: "{{ walk }}"\n',
    'q.yml': play('commnd: x'),
  };
  await expect(load(files)).rejects.toMatchObject({ detail: { source: 'q.yml:3:7' } });
});

test('loadPlaybook reads values as PyYAML does and merges what blocks say', async () => {
  const book = await load(`
- hosts: [a, b]
  serial: [1, "50%"]
  become: on
  tags: outer
  tasks:
    - when: x
      vars: { v: 1 }
      block:
        - { copy: { dest: /a, content: n, mode: 0644 }, when: z, tags: inner }
`);
  const loaded = book.entries[0] as Play;
  const block = loaded.tasks[0] as Block;
  const task = block.block[0] as Task;
  expect(loaded.hosts.value).toBe('a:b');
  expect(loaded.serial.value).toEqual([{ count: 1 }, { percent: 50 }]);
  expect(task.become).toBe(true);
  expect(task.args.value).toEqual({ dest: '/a', content: 'n', mode: 420 });
  expect(task.when.map(({ value }) => value)).toEqual(['x', 'z']);
  expect(task.tags).toEqual(['outer', 'inner']);
});
