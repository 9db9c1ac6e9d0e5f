import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCaravan, CARAVAN, Sandbox } from './sandbox.js';

const sandbox = new Sandbox();
const BYTES = 10_000_000;
/** More than any of these needs on a busy machine, and far less than for ever. */
const DEADLINE_MS = 90_000;

beforeAll(() => {
  buildCaravan();
}, 300_000);

afterAll(() => {
  sandbox.remove();
});

const INI: readonly (readonly [string, string, string])[] = [
  ['[g]\n', 'a', '\n'],
  ['[g]\n', 'a', '!\n'],
  ['[g]\n', 'a.', '!\n'],
  ['[g]\n', 'a-', '\n'],
  ['[g]\n', '1.', '\n'],
  ['[g]\n', 'a:', '1\n'],
  ['[g]\n', 'h[1:2]', '\n'],
  ['[g]\n', '[', '\n'],
  ['[g]\nh[', ':', ']\n'],
  ['[g]\nh[', '1', ':2]\n'],
  ['[g]\n', "'", '\n'],
  ['[g]\n', '\\', '\n'],
  ['[g]\nh ', 'a=1 ', '\n'],
  ['[g]\nh v=', '1', '\n'],
  ['[g]\nh v=', '0', '\n'],
  ['[g]\nh v=', '1_', '1\n'],
  ['[g]\nh v=', '1.', '\n'],
  ['[g]\nh v=1.', '1', '\n'],
  ['[g]\nh v="', '[', '"\n'],
  ['[g]\nh v="[', '1,', ']"\n'],
  ['[g:vars]\nv=', '-', '1\n'],
  ['[g:vars]\nv={', "'a':1,", '}\n'],
  ['[g:vars]\nv="', '\\x41', '"\n'],
  ['', '[g]', '\n'],
  ['[', 'g', ':children]\n'],
  ['[g:children]\n', 'a', '\n'],
  ['', '\n', ''],
];

const YAML: readonly (readonly [string, string, string])[] = [
  ['all: {hosts: {a: {v: ', 'x', '}}}\n'],
  ['all: {hosts: {a: {v: ', '1', '}}}\n'],
  ['all: {hosts: {a: {v: ', '1:1', '}}}\n'],
  ['all: {hosts: {a: {v: 1', ':1', '}}}\n'],
  ['all: {hosts: {a: {v: ', '1_', '}}}\n'],
  ['all: {hosts: {a: {v: 1.', '1', '}}}\n'],
  ['all: {hosts: {a: {v: !!float ', '1', '}}}\n'],
  ['all: {hosts: {a: {v: 2001-12-14 ', ' ', '}}}\n'],
  ['all: {hosts: {? ', 'a', ': }}\n'],
  ['all: {hosts: {"', 'h[1:2]', '": }}\n'],
  ['', '- ', '\n'],
  ['', '? ', '\n'],
  ['', '[', '\n'],
  ['', '{a: ', '\n'],
  ['', '&a ', '\n'],
  ['', '!t ', '\n'],
  ['', '*a ', '\n'],
  ['', "'", '\n'],
  ['"', '\\n', '"\n'],
  ['', '%', '\n'],
  ['', '\t', '\n'],
  ['', ' ', 'all:\n'],
  ['', 'a: ', '\n'],
  ['', '<<: {a: ', '\n'],
  ['a: ', '|', '\n'],
  ['a: |\n ', 'x', '\n'],
  ['', '\n', ''],
  ['', '---\n', ''],
  ['all: {vars: {a: !vault ', '1', '}}\n'],
];

/** One of four where a quarter of the generated cases is asked for. */
const EVERY = Math.round(1 / Number(process.env['CARAVAN_DIFFERENTIAL'] ?? '1'));
const CASES = [
  ...INI.map((parts) => ['.ini', ...parts] as const),
  ...YAML.map((parts) => ['.yml', ...parts] as const),
].filter((_, i) => i % EVERY === 0);

test.each(CASES)(
  'caravan reads or refuses a line of 10 MB: %s %j + %j ... + %j',
  (extension, head, unit, tail) => {
    const body = unit.repeat(Math.ceil(BYTES / unit.length));
    const file = sandbox.write(`long${extension}`, head + body + tail);
    const args = [CARAVAN, 'inventory', '-i', file, '--list', '--output', '/dev/null'];
    const ended = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: DEADLINE_MS });
    expect(ended.error).toBeUndefined();
    if (ended.status !== 0) {
      expect([ended.status, ended.stderr.slice(0, 8)]).toEqual([1, '[input] ']);
      // an error is to be read, not to be scrolled through
      expect(ended.stderr.length).toBeLessThan(2_000);
    }
  },
  2 * DEADLINE_MS,
);
