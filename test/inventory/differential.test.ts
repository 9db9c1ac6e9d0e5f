import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadInventory } from '../../src/inventory/load.js';
import { printGraph, printHost, printList } from '../../src/inventory/print.js';
import { parseYaml } from '../../src/inventory/yaml-text.js';
import { CaravanError } from '../../src/values/error.js';
import { flatInventories, inventories, nestedInventories, patterns } from './generate.js';
import { Oracle } from './oracle.js';

/** Share of the full counts that is run, for a machine with other work: CARAVAN_DIFFERENTIAL=0.05. */
const SHARE = Number(process.env['CARAVAN_DIFFERENTIAL'] ?? '1');
const INVENTORIES = Math.ceil(2000 * SHARE);
const PATTERN_INVENTORIES = Math.ceil(250 * SHARE);
const PATTERNS_EACH = 40;
const TIMEOUT = 30 * 60_000;

let oracle: Oracle;
let folder: string;
let count = 0;

beforeAll(() => {
  oracle = new Oracle();
  folder = mkdtempSync(join(tmpdir(), 'caravan-inventory-'));
}, 300_000);

afterAll(() => {
  oracle.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes files into a folder that no case before had, since Ansible remembers folders. */
function write(files: Readonly<Record<string, string>>): string {
  const home = join(folder, String(count++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  return home;
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

test(
  'loadInventory prints what ansible-inventory prints for generated inventories',
  async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(inventories, async (generated) => {
        const home = write(generated.files);
        const sources = generated.sources.map((source) => join(home, source));
        const theirs = await oracle.ask({ sources, dump: true });
        if (theirs.error !== undefined) {
          refused += 1;
          await expect(loadAndList(sources)).rejects.toBeInstanceOf(CaravanError);
          return;
        }
        const ours = await loadInventory(sources);
        expect(oneKindOfNumber(printList(ours))).toBe(oneKindOfNumber(theirs.list));
        expect(oneKindOfNumber(printList(ours, { export: true }))).toBe(
          oneKindOfNumber(theirs.export),
        );
        expect(printGraph(ours, 'all')).toBe(theirs.graph);
        expect(asPython(printGraph(ours, 'all', { vars: true }))).toBe(asPython(theirs.graphVars));
        for (const [name, text] of Object.entries(theirs.hosts)) {
          expect(oneKindOfNumber(printHost(ours, name))).toBe(oneKindOfNumber(text));
        }
      }),
      { numRuns: INVENTORIES, endOnFailure: false },
    );
    process.stdout.write(`${INVENTORIES} inventories alike, ${refused} of them refused by both\n`);
  },
  TIMEOUT,
);

async function loadAndList(sources: readonly string[]): Promise<string> {
  return printList(await loadInventory(sources));
}

test.each([
  ['flat', flatInventories, true],
  ['nested', nestedInventories, false],
] as const)(
  'select names the hosts that InventoryManager names in %s inventories',
  async (kind, texts, flat) => {
    let compared = 0;
    let matched = 0;
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.array(patterns(flat), { minLength: PATTERNS_EACH, maxLength: PATTERNS_EACH }),
        async (text, asked) => {
          const home = write({ hosts: text });
          const sources = [join(home, 'hosts')];
          const theirs = await oracle.ask({ sources, patterns: asked });
          if (theirs.error !== undefined) return;
          const inventory = await loadInventory(sources);
          const order = (names: readonly string[]) => (flat ? names : [...names].sort());
          asked.forEach((pattern, i) => {
            const expected = theirs.patterns[i] ?? [];
            // no match and an invalid pattern are errors here
            const names = typeof expected === 'string' ? [] : expected;
            compared += 1;
            if (names.length > 0) matched += 1;
            expect([pattern, order(select(inventory, pattern))]).toEqual([pattern, order(names)]);
          });
        },
      ),
      { numRuns: Math.ceil(PATTERN_INVENTORIES / 2), endOnFailure: false },
    );
    process.stdout.write(
      `${compared} patterns alike in ${kind} inventories, ${matched} of them matched\n`,
    );
  },
  TIMEOUT,
);

function select(inventory: Awaited<ReturnType<typeof loadInventory>>, pattern: string): string[] {
  try {
    return inventory.select(pattern).map((host) => host.name);
  } catch (thrown) {
    if (thrown instanceof CaravanError && thrown.kind === 'input') return [];
    throw thrown;
  }
}

test(
  'printList writes the same YAML as ansible-inventory --yaml',
  async () => {
    await fc.assert(
      fc.asyncProperty(inventories, async (generated) => {
        const home = write(generated.files);
        const sources = generated.sources.map((source) => join(home, source));
        const theirs = await oracle.ask({ sources, dump: true });
        if (theirs.error !== undefined) return;
        const ours = await loadInventory(sources);
        expect(parseYaml(printList(ours, { yaml: true }), 'ours')).toEqual(
          parseYaml(theirs.yaml, 'theirs'),
        );
      }),
      { numRuns: Math.ceil(100 * SHARE) },
    );
  },
  TIMEOUT,
);
