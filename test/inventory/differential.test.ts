import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadInventory } from '../../src/inventory/load.js';
import { printGraph, printHost, printList } from '../../src/inventory/print.js';
import type { LoadedInventory } from '../../src/inventory/resolve.js';
import { parseYaml } from '../../src/inventory/yaml-text.js';
import { CaravanError } from '../../src/values/error.js';
import { flatInventories, type Generated, inventories, nestedInventories } from './generate.js';
import { limits, patterns } from './generate-patterns.js';
import { Oracle, type OracleAnswer } from './oracle.js';
import { Sandbox } from './sandbox.js';

/** Share of the full counts that is run, for a machine with other work: CARAVAN_DIFFERENTIAL=0.05. */
const SHARE = Number(process.env['CARAVAN_DIFFERENTIAL'] ?? '1');
/** The same cases each time, so that a failure is one of the change; CARAVAN_SEED=5 gives others. */
const SEED = Number(process.env['CARAVAN_SEED'] ?? '4');
const INVENTORIES = Math.ceil(2600 * SHARE);
const PATTERN_INVENTORIES = Math.ceil(130 * SHARE);
const PATTERNS_EACH = 40;
const LIMITS_EACH = 8;
const TIMEOUT = 60 * 60_000;

const sandbox = new Sandbox();
let oracle: Oracle;
let count = 0;

beforeAll(() => {
  oracle = new Oracle();
}, 300_000);

afterAll(() => {
  oracle.close();
  sandbox.remove();
});

/** Writes files into a folder that no case before had, since Ansible remembers folders. */
function write({ files, sources }: Pick<Generated, 'files' | 'sources'>): string[] {
  const home = String(count++);
  for (const [name, text] of Object.entries(files)) {
    sandbox.write(join(home, name), text, name.endsWith('.sh') ? 0o755 : 0o644);
  }
  return sources.map((source) =>
    source.includes(',') ? source : join(sandbox.home, home, source),
  );
}

/** JSON holds one kind of number here: Python's 1.0 is 1. */
function oneKindOfNumber(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d+\.0(?![\d])/g, (token) =>
    token.startsWith('"') ? token : token.slice(0, -2),
  );
}

/** The same in `--graph --vars`, which writes Python; times are text here, as in JSON. */
function asPython(text: string): string {
  return text
    .replace(/(?<![\w.'])(-?\d+)\.0(?![\w.])/g, '$1')
    .replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/g, '$1T$2');
}

function expectSame(ours: LoadedInventory, theirs: OracleAnswer): void {
  const numbers = oneKindOfNumber;
  expect(numbers(printList(ours))).toBe(numbers(theirs.list));
  expect(numbers(printList(ours, { export: true }))).toBe(numbers(theirs.export));
  expect(parseYaml(printList(ours, { yaml: true }), 'ours')).toEqual(
    parseYaml(theirs.yaml, 'theirs'),
  );
  expect(printGraph(ours, 'all')).toBe(theirs.graph);
  expect(asPython(printGraph(ours, 'all', { vars: true }))).toBe(asPython(theirs.graphVars));
  expect(ours.hosts.map((host) => host.name).sort()).toEqual(Object.keys(theirs.hosts).sort());
  for (const [name, text] of Object.entries(theirs.hosts)) {
    expect(numbers(printHost(ours, name))).toBe(numbers(text));
  }
}

/** What an inventory is made of, so that none of it can go missing from the comparison. */
function partsOf({ files, sources }: Generated): string[] {
  const names = Object.keys(files);
  const text = Object.values(files).join('\n');
  const parts = {
    yaml: names.some((name) => /part\d\.yml$/.test(name)),
    ini: names.some((name) => /part\d(\.ini)?$/.test(name)),
    script: names.some((name) => name.endsWith('.sh')),
    folder: sources[0] === '.',
    'several sources': sources.length > 1,
    'a list of hosts': sources.some((source) => source.includes(',')),
    group_vars: names.some((name) => name.includes('group_vars/')),
    host_vars: names.some((name) => name.includes('host_vars/')),
    nesting: /:children\]|children:\n|"children":\["/.test(text),
    ranges: /\[\w+:\w+\]/.test(text),
    priorities: text.includes('ansible_group_priority'),
  };
  return Object.entries(parts).flatMap(([part, there]) => (there ? [part] : []));
}

test(
  'loadInventory prints what ansible-inventory prints, and refuses what it refuses',
  async () => {
    const seen = new Map<string, number>();
    let hosts = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(inventories, async (generated) => {
        const sources = write(generated);
        const theirs = await oracle.ask({ sources, dump: true });
        if (theirs.error !== undefined) {
          await expect(loadAndPrint(sources)).rejects.toBeInstanceOf(CaravanError);
          refused += 1;
          return;
        }
        expectSame(await loadInventory(sources), theirs);
        hosts += Object.keys(theirs.hosts).length;
        for (const part of partsOf(generated)) seen.set(part, (seen.get(part) ?? 0) + 1);
      }),
      { numRuns: INVENTORIES, seed: SEED, endOnFailure: false },
    );
    const same = INVENTORIES - refused;
    process.stdout.write(
      `${INVENTORIES} inventories: ${same} the same (${hosts} hosts), ${refused} refused by both\n`,
    );
    expect(refused).toBeGreaterThan(INVENTORIES / 12);
    expect(same).toBeGreaterThanOrEqual(2000 * SHARE);
    expect(hosts).toBeGreaterThan(same);
    const rare = [...seen].filter(([, times]) => times < same / 20);
    expect([seen.size, rare]).toEqual([11, []]);
  },
  TIMEOUT,
);

/** With `--export` too, which reads variables of groups without hosts. */
async function loadAndPrint(sources: readonly string[]): Promise<string> {
  const inventory = await loadInventory(sources);
  return printList(inventory) + printList(inventory, { export: true });
}

test.each([
  ['flat', flatInventories, true],
  ['nested', nestedInventories, false],
] as const)(
  'select names the hosts that InventoryManager names in %s inventories',
  async (kind, texts, flat) => {
    let compared = 0;
    let matched = 0;
    let limited = 0;
    const asked = fc.array(patterns(flat), { minLength: PATTERNS_EACH, maxLength: PATTERNS_EACH });
    const pattern = fc.oneof(fc.constant('all'), patterns(flat));
    const pairs = fc.array(fc.tuple(pattern, limits(flat)), {
      minLength: LIMITS_EACH,
      maxLength: LIMITS_EACH,
    });
    await fc.assert(
      fc.asyncProperty(texts, asked, pairs, async (text, alone, withLimit) => {
        const sources = write({ files: { hosts: text }, sources: ['hosts'] });
        const lists = withLimit.map(([pattern, { parts, file }], i) => {
          const path = sandbox.write(`limits/${count}-${i}`, file);
          return [pattern, parts.replaceAll('@file', `@${path}`)] as const;
        });
        const theirs = await oracle.ask({ sources, patterns: alone, limited: lists });
        expect(theirs.error).toBeUndefined();
        const inventory = await loadInventory(sources);
        // Ansible's order of hosts of nested groups is that of a hash
        const order = (names: readonly string[]) => (flat ? names : [...names].sort());
        const expected = (answer: string[] | string | undefined) => order(namesIn(answer));
        alone.forEach((pattern, i) => {
          const names = expected(theirs.patterns[i]);
          expect([pattern, order(select(inventory, pattern))]).toEqual([pattern, names]);
          compared += 1;
          if (names.length > 0) matched += 1;
        });
        lists.forEach(([pattern, limit], i) => {
          const names = expected(theirs.limited[i]);
          const ours = order(select(inventory, pattern, limit));
          expect([pattern, limit, ours]).toEqual([pattern, limit, names]);
          if (names.length > 0) limited += 1;
        });
      }),
      { numRuns: PATTERN_INVENTORIES, seed: SEED, endOnFailure: false },
    );
    const pairsCompared = PATTERN_INVENTORIES * LIMITS_EACH;
    process.stdout.write(
      `${compared} patterns in ${kind} inventories: the same, ${matched} of them matched; ` +
        `${pairsCompared} with a limit: the same, ${limited} of them matched\n`,
    );
    expect(compared).toBe(PATTERN_INVENTORIES * PATTERNS_EACH);
    expect(matched).toBeGreaterThan(compared / 4);
    expect(limited).toBeGreaterThan(pairsCompared / 10);
  },
  TIMEOUT,
);

/** No match and an invalid pattern are errors here, and no hosts or a message there. */
function namesIn(answer: string[] | string | undefined): readonly string[] {
  return Array.isArray(answer) ? answer : [];
}

function select(inventory: LoadedInventory, pattern: string, limit?: string): string[] {
  try {
    const hosts = inventory.select(pattern).map((host) => host.name);
    if (limit === undefined) return hosts;
    const allowed = new Set(inventory.select(limit).map((host) => host.name));
    return hosts.filter((name) => allowed.has(name));
  } catch (thrown) {
    if (thrown instanceof CaravanError && thrown.kind === 'input') return [];
    throw thrown;
  }
}
