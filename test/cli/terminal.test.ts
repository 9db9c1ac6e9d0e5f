import { expect, test } from 'vitest';
import { folder } from '../engine/fleet.js';
import { caravanRun, writeFiles } from './cli.js';
import { onTerminal, type Step } from './terminal.js';

const HOSTS = '[web]\nweb[001:500]\n[web:vars]\nansible_connection=local\n';
/** Lines while it goes on, another end of some hosts, and enough tasks to scroll. */
const PLAYBOOK = `
- hosts: web
  tasks:
    - { name: talks, shell: 'echo one; sleep 0.05; echo "two, $(printf %0200d 7)"', changed_when: false }
    - { name: some fail, shell: 'test {{ inventory_hostname }} != web007', changed_when: false }
    - { name: says, debug: { msg: "on all" } }
`;

async function fleet(playbook = PLAYBOOK, hosts = HOSTS): Promise<string> {
  const path = await folder();
  writeFiles(path, { hosts, 'site.yml': playbook });
  return path;
}

let runs = 0;
/** A run of its own state, so that none is told of one before it. */
const args = (...more: string[]): string[] => [
  ...['run', '-i', 'hosts', '-f', '20', '--state', `state${++runs}`],
  ...[...more, 'site.yml'],
];

/** Times differ from run to run, and so does which result of a task comes first. */
function timeless(text: string): string {
  const parts = text
    .replace(/\d+\.\ds/g, '0.0s')
    .trim()
    .split('\n\n');
  return parts
    .map((part) => {
      const [head, ...results] = part.split(/\n(?= {2}\w)/);
      return [head, ...results.sort()].join('\n');
    })
    .join('\n\n');
}

const SIZES: [number, number][] = [
  [24, 80],
  [10, 40],
  [50, 132],
  [4, 20],
];

test('500 hosts leave on terminals of any size what plain lines say', async () => {
  const path = await fleet();
  const { out } = await caravanRun(path, ...args().slice(1));
  // What is said of lines as they come is part of the tail on a terminal.
  const plain = out.replace(/^ {2}web\d+ \| .*\n/gm, '');
  for (const [rows, columns] of SIZES) {
    const shown = await onTerminal(args(), { folder: path, rows, columns });
    expect(shown.code).toBe(2);
    expect(shown.tallest).toBeGreaterThan(0);
    expect(shown.tallest).toBeLessThan(rows);
    // Nothing that was drawn for a while has stayed, not even above the screen.
    expect(timeless(shown.text)).toBe(timeless(plain));
  }
}, 400_000);

test('a terminal that is made smaller and larger while 500 hosts are in work stays whole', async () => {
  const path = await fleet();
  const sizes: [number, number][] = [
    [24, 60],
    [24, 100],
    [40, 60],
    [40, 132],
  ];
  const steps = sizes.map((size, i): Step => ({
    when: new RegExp(`talks: [${i * 2 + 1}-9]\\d of`),
    size,
  }));
  const shown = await onTerminal(args(), { folder: path, rows: 24, columns: 80, steps });
  expect(shown.tallest).toBeLessThan(40);
  // A drawing that crosses a change of size may leave a row, since nobody can tell which came first.
  const left = shown.text.match(/^.*(?:\d+ of 500 done|in hand|running).*$/gm) ?? [];
  expect(left.length).toBeLessThanOrEqual(sizes.length);
  expect(shown.text).toMatch(/web007 +: .*failed=1/);
}, 120_000);

test('lines of a command stand below their host while it runs', async () => {
  const playbook =
    "- hosts: web\n  tasks: [{ name: talks, shell: 'echo hello; sleep 4; echo bye' }]\n";
  const own = await fleet(
    playbook,
    'web:\n  hosts: { h1: {}, h2: {} }\n  vars: { ansible_connection: local }\n',
  );
  const shown = await onTerminal(args(), { folder: own, rows: 24, columns: 80 });
  expect(shown.screens.join('\n')).toMatch(/running +h1 .*\n +hello\n/);
  expect(shown.text).not.toContain('running');
});

test('Ctrl-C says what each host was left in', async () => {
  const playbook = `
- hosts: web
  tasks:
    - { name: writes, copy: { content: x, dest: "{{ to }}", mode: "0600" } }
    - { name: waits, wait_for: { path: /no/such/file } }
`;
  const own = await fleet(playbook, '[web]\nh[1:3]\n[web:vars]\nansible_connection=local\n');
  const shown = await onTerminal(args('-e', `to=${own}/written`), {
    ...{ folder: own, rows: 24, columns: 80 },
    steps: [{ when: /waits/, stop: true }],
  });
  expect(shown.code).toBe(99);
  expect(shown.text).toContain('Stopping');
  expect(shown.text).toMatch(
    /LEFT IN\n[^]*h[^]*cancelled at \[waits\] site.yml:5:7; last changed by \[writes\] site.yml:4:7/,
  );
});
