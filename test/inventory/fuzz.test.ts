import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkInventory } from '../../src/inventory/check.js';
import { type LoadOptions, loadInventory } from '../../src/inventory/load.js';
import { printGraph, printList } from '../../src/inventory/print.js';
import { CaravanError } from '../../src/values/error.js';
import { Secret } from '../../src/values/secret.js';
import { ansible, Sandbox } from './sandbox.js';

/** 5,000 cases in all at 1. */
const SHARE = Number(process.env['CARAVAN_DIFFERENTIAL'] ?? '1');
const SEED = Number(process.env['CARAVAN_SEED'] ?? '4');
const TIMEOUT = 30 * 60_000;

const sandbox = new Sandbox();
let vaultText: string;

beforeAll(() => {
  const password = sandbox.write('password', 'sesame\n');
  const file = sandbox.write('secret.yml', 'a: hidden\n');
  ansible('ansible-vault', 'encrypt', '--vault-password-file', password, file);
  vaultText = readFileSync(file, 'utf8');
}, 300_000);

afterAll(() => {
  sandbox.remove();
});

/** How often each came; anything but an inventory and a CaravanError fails the test. */
class Tally {
  read = 0;
  readonly refused = new Map<string, number>();

  async count(sources: readonly string[], options: LoadOptions = {}): Promise<void> {
    try {
      const inventory = await loadInventory(sources, options);
      printList(inventory);
      printGraph(inventory, 'all', { vars: true });
      checkInventory(inventory);
      this.read += 1;
    } catch (thrown) {
      this.refuse(thrown);
    }
  }

  refuse(thrown: unknown): void {
    if (!(thrown instanceof CaravanError) || !['input', 'timeout'].includes(thrown.kind))
      throw thrown;
    const kind = ['is a loop', 'not valid YAML', 'aliases', 'UTF-8', 'no JSON', 'ended with'].find(
      (part) => thrown.message.includes(part),
    );
    this.refused.set(kind ?? 'other', (this.refused.get(kind ?? 'other') ?? 0) + 1);
  }

  /** Neither outcome may be missing, nor any of these reasons. */
  check(runs: number, what: string, ...reasons: readonly string[]): void {
    const refused = [...this.refused.values()].reduce((sum, n) => sum + n, 0);
    process.stdout.write(`${runs} ${what}: ${this.read} read, ${refused} refused\n`);
    expect(this.read + refused).toBeGreaterThanOrEqual(runs);
    expect(this.read).toBeGreaterThan(runs / 50);
    expect([...this.refused.keys()]).toEqual(expect.arrayContaining([...reasons]));
  }
}

async function fuzz<T>(
  cases: number,
  arbitrary: fc.Arbitrary<T>,
  run: (value: T) => Promise<void>,
): Promise<number> {
  const numRuns = Math.ceil(cases * SHARE);
  await fc.assert(fc.asyncProperty(arbitrary, run), { numRuns, seed: SEED });
  return numRuns;
}

const join = (parts: readonly string[]) => parts.join('');
const tokens = (all: readonly string[], maxLength = 40) =>
  fc.array(fc.constantFrom(...all), { maxLength }).map(join);

const YAML = tokens([
  ...['all', ':', '\n', ' ', '  ', '- ', '[', ']', '{', '}', '&a ', '*a', '<<', '!vault ', '!x '],
  ...['|', '>', '"', "'", '#', ',', '=', '0644', 'hosts', 'children', 'vars', '? ', '%', '@'],
  ...['\t', '\0', '\ufeff', 'é', '---\n', '...', 'a: &a {', 'b: *a', '<<: *a', ': [*a, *a]\n'],
]);
const INI = tokens([
  ...['[a]\n', '[b]\n', '[a:children]\n', '[b:children]\n', '[c:children]\n', '[a:vars]\n', '[x'],
  ...['a\n', 'b\n', 'c\n', 'h[1:3] ', 'h[', ']', ':22', 'x=1 ', "y='", '"', '\\', '=', '#', ';'],
  ...['{', "{'a': ", '[1,', ')', '1_0', '-', '\n', '\r', '\u2028', '\0', 'é', ' ', '\t'],
]);
/** Groups of groups, with loops. */
const NESTED = tokens(
  ['[a:children]\n', '[b:children]\n', '[c:children]\n', 'a\n', 'b\n', 'c\n'],
  9,
);
/** Trees with the keys of inventories, as YAML and JSON files. */
const TREE = fc
  .letrec<{ node: unknown; map: unknown }>((tie) => ({
    map: fc.dictionary(
      fc.constantFrom(
        ...['all', 'a', 'b', 'hosts', 'children', 'vars', 'plugin', '_meta', 'hostvars', ''],
        ...['h[1:3]', 'h[', 'ansible_group_priority', 'ansible_host', '__proto__', 'constructor'],
      ),
      tie('node'),
      { maxKeys: 4 },
    ),
    node: fc.oneof(
      { maxDepth: 5 },
      { weight: 2, arbitrary: fc.constantFrom<unknown>(null, 'a', '', 1, true, -0.5, {}, []) },
      { weight: 5, arbitrary: tie('map') },
      { weight: 1, arbitrary: fc.array(tie('node'), { maxLength: 3 }) },
    ),
  }))
  .map.map((value) => JSON.stringify(value));
const BYTES = fc.uint8Array({ maxLength: 60 });

test(
  'loadInventory gives an inventory or a CaravanError for any file',
  async () => {
    const tally = new Tally();
    const extension = fc.constantFrom('.yml', '.ini', '', '.json');
    const content = fc.oneof(YAML, INI, NESTED, TREE, BYTES);
    const runs = await fuzz(3000, fc.tuple(content, extension), async ([text, end]) => {
      await tally.count([sandbox.write(`fuzz${end}`, text)]);
    });
    tally.check(runs, 'files', 'not valid YAML', 'UTF-8', 'is a loop');
  },
  TIMEOUT,
);

test(
  'loadInventory gives an inventory or a CaravanError for any file of variables',
  async () => {
    const tally = new Tally();
    const hosts = sandbox.write('vars/hosts.ini', '[web]\na\n');
    const name = fc.constantFrom('group_vars/web.yml', 'host_vars/a', 'group_vars/all.json');
    const runs = await fuzz(
      700,
      fc.tuple(name, fc.oneof(YAML, TREE, BYTES)),
      async ([at, text]) => {
        const path = sandbox.write(`vars/${at}`, text);
        await tally.count([hosts]);
        sandbox.write(path.slice(sandbox.home.length + 1), '');
      },
    );
    tally.check(runs, 'files of variables', 'not valid YAML', 'UTF-8');
  },
  TIMEOUT,
);

test(
  'loadInventory gives an inventory or a CaravanError whatever a script prints',
  async () => {
    const tally = new Tally();
    const printed = fc.record({
      list: fc.oneof(TREE, YAML),
      keep: fc.integer({ min: 0, max: 120 }),
      whole: fc.boolean(),
      host: fc.oneof(TREE, YAML),
      exit: fc.constantFrom(0, 0, 0, 0, 3),
    });
    const runs = await fuzz(400, printed, async ({ list, keep, whole, host, exit }) => {
      const text = (whole ? list : list.slice(0, keep)).replaceAll('\0', '');
      const print = (value: string) => `cat <<'END'\n${value.replaceAll('\0', '')}\nEND\n`;
      const script = `#!/bin/sh\nif [ "$1" = --list ]; then\n${print(text)}exit ${exit}\nfi\n`;
      const file = sandbox.write('script.sh', `${script}${print(host)}`, 0o755);
      await tally.count([file], { scriptTimeoutMs: 30_000 });
    });
    tally.check(runs, 'scripts', 'no JSON', 'ended with');
  },
  TIMEOUT,
);

test(
  'loadInventory gives an inventory or a CaravanError for any damage of a vault text',
  async () => {
    const tally = new Tally();
    const damage = fc.record({
      at: fc.nat({ max: 600 }),
      cut: fc.constantFrom(0, 0, 1, 2, 40, 1000),
      put: fc.constantFrom('', 'f', '0', '\n', 'x', ';', '1.2'),
      seldom: fc.integer({ min: 0, max: 9 }),
    });
    const hosts = sandbox.write('vault/hosts.ini', 'a\n');
    const vaultPasswords = [{ id: 'default', password: new Secret('sesame') }];
    const runs = await fuzz(200, damage, async ({ at, cut, put, seldom }) => {
      const whole = seldom === 0;
      const text = whole ? vaultText : vaultText.slice(0, at) + put + vaultText.slice(at + cut);
      sandbox.write('vault/host_vars/a.yml', text);
      await tally.count([hosts], { vaultPasswords });
    });
    tally.check(runs, 'vault texts', 'other');
  },
  TIMEOUT,
);

test(
  'select gives hosts or a CaravanError for any pattern',
  async () => {
    const tally = new Tally();
    const text = '[web]\nh1\nh2\n[db]\nd[1:9]\n[site:children]\nweb\ndb\n';
    const inventory = await loadInventory([sandbox.write('hosts.ini', text)]);
    const parts = [
      ...['h1', 'web', 'd', 'site', '*', '?', '[', ']', '[0]', '[1:]', '-1', '!', '&', '~', ':'],
      ...[',', '.', '(', ')', '(?P<x>', '+', '|', '^', '$', '\\', '\\Z', '-', '@', ' ', 'é', '{2}'],
    ];
    const runs = await fuzz(700, fc.oneof(tokens(parts, 8), fc.string()), (pattern) => {
      try {
        expect(inventory.select(pattern).length).toBeGreaterThan(0);
        tally.read += 1;
      } catch (thrown) {
        tally.refuse(thrown);
      }
      return Promise.resolve();
    });
    tally.check(runs, 'patterns', 'other');
  },
  TIMEOUT,
);
