/**
 * The converge work of a rotation, done by caravan and by its peers on the same hosts in one run.
 *
 *   npm run bench -- --hosts 10,50 --rtt 0,100 --tools caravan,floor,ansible --runs 3
 *
 * Writes latest.json and latest.md. docs/benchmarks.md says what is measured.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet, type LoopbackFleet } from './loopback-fleet.js';
import { lastOutput, measure, type Figures } from './measure.js';
import { readOptions, type BenchOptions } from './options.js';
import { markdown, median, type Phase, type Result, type Skip } from './results.js';
import type { Tool } from './tools.js';
import { inodes, resetHost, wrongOn } from './work.js';

/** One size at one distance, with what its tools cost so far. */
interface Cell {
  readonly hosts: number;
  readonly rttMs: number;
  readonly found: Map<Tool, Record<Phase, Figures[]>>;
}

/** A run that took longer than it may. */
class OverBudget extends Error {}

const PHASES: readonly Phase[] = ['changed', 'unchanged'];

class Bench {
  readonly results: Result[] = [];
  readonly skips: Skip[] = [];
  readonly versions: Record<string, string> = {};
  /** Seconds that a host took with a tool, at most: what is larger need not be tried. */
  readonly #secondsPerHost = new Map<string, number>();

  constructor(
    readonly options: BenchOptions,
    readonly fleet: LoopbackFleet,
  ) {}

  async run(): Promise<void> {
    const tools = this.options.tools.filter((tool) => this.#install(tool));
    for (const rttMs of this.options.rttMs)
      for (const hosts of this.options.hosts)
        await this.#cell({ hosts, rttMs, found: new Map() }, tools);
  }

  #install(tool: Tool): boolean {
    try {
      this.versions[tool.name] = tool.install();
      return true;
    } catch (error) {
      this.#skip({ tool: tool.name, reason: (error as Error).message });
      return false;
    }
  }

  #skip(skip: Skip): void {
    this.skips.push(skip);
    const cell = skip.hosts === undefined ? '' : ` at ${skip.hosts} hosts, ${skip.rttMs ?? 0} ms`;
    say(`skipped ${skip.tool}${cell}: ${skip.reason}`);
  }

  /** All tools in turn, and again: what disturbs the machine for a while disturbs all alike. */
  async #cell(cell: Cell, tools: readonly Tool[]): Promise<void> {
    const { hosts, rttMs } = cell;
    const { runs, slowRuns, slowRttMs, budgetSeconds } = this.options;
    const { found } = cell;
    const left = new Set(tools);
    for (const tool of tools) {
      if (tool.isSlow === true && !slowRttMs.includes(rttMs)) {
        left.delete(tool);
        this.#skip({ tool: tool.name, hosts, rttMs, reason: 'left out by --slow-rtt' });
        continue;
      }
      const expected = (this.#secondsPerHost.get(`${tool.name} ${rttMs}`) ?? 0) * hosts;
      if (expected <= budgetSeconds * 1.5) continue;
      left.delete(tool);
      const reason = `would take about ${expected.toFixed(0)} s, and the budget is ${budgetSeconds} s`;
      this.#skip({ tool: tool.name, hosts, rttMs, reason });
    }
    for (let run = 0; run < runs; run++) {
      for (const tool of left) {
        if (run >= (tool.isSlow === true ? slowRuns : runs)) continue;
        try {
          await this.#once(cell, tool);
        } catch (error) {
          left.delete(tool);
          const [reason = '', ...output] = (error as Error).message.split('\n');
          this.#skip({ tool: tool.name, hosts, rttMs, reason });
          if (output.length > 0) say(output.join('\n'));
          if (error instanceof OverBudget) continue;
          found.delete(tool);
          process.exitCode = 1;
        }
      }
    }
    this.#conclude(cell);
  }

  /** One run of both phases; the hosts are looked at after each. */
  async #once({ hosts, rttMs, found }: Cell, tool: Tool): Promise<void> {
    const { fleet } = this;
    const { forks, budgetSeconds } = this.options;
    const addresses = fleet.addresses.slice(0, hosts);
    const homes = addresses.map((address) => join(fleet.base, address));
    const port = await fleet.portFor(rttMs);
    const program = tool.program({ fleet, hosts: addresses, port, forks });
    const figures = found.get(tool) ?? { changed: [], unchanged: [] };
    found.set(tool, figures);
    homes.forEach(resetHost);
    for (const phase of PHASES) {
      const before = phase === 'changed' ? [] : homes.map(inodes);
      const cost = await measure(program, fleet.folder, budgetSeconds);
      const where = `${tool.name}, ${hosts} hosts, ${rttMs} ms, ${phase}`;
      const key = `${tool.name} ${rttMs}`;
      const each = Math.max(this.#secondsPerHost.get(key) ?? 0, cost.seconds / hosts);
      if (tool.isSlow === true || hosts >= forks) this.#secondsPerHost.set(key, each);
      if (cost.code === null) throw new OverBudget(`took more than ${budgetSeconds} s (${phase})`);
      if (cost.code !== 0)
        throw new Error(`${phase}: ended with ${cost.code}\n${lastOutput(fleet.folder)}`);
      const wrong = homes.flatMap((home) => wrongOn(home).map((what) => `${home}: ${what}`));
      if (wrong.length > 0)
        throw new Error(`${phase}: left wrong: ${wrong.slice(0, 5).join('; ')}`);
      if (phase === 'unchanged' && tool.isIdempotent)
        for (const [i, home] of homes.entries())
          if (inodes(home) !== before[i]) throw new Error(`${phase}: wrote again on ${home}`);
      figures[phase].push(cost);
      say(
        `${where}: ${cost.seconds.toFixed(2)} s, CPU ${cost.cpuSeconds.toFixed(2)} s, ${cost.rssMb.toFixed(0)} MB`,
      );
    }
  }

  #conclude({ hosts, rttMs, found }: Cell): void {
    const of = (runs: readonly Figures[], what: 'seconds' | 'cpuSeconds' | 'rssMb'): number =>
      median(runs.map((run) => run[what]));
    const floor = [...found].find(([tool]) => tool.name === 'floor')?.[1];
    for (const [tool, phases] of found)
      for (const phase of PHASES) {
        const runs = phases[phase];
        if (runs.length === 0) continue;
        const seconds = of(runs, 'seconds');
        this.results.push({
          ...{ tool: tool.name, hosts, rttMs, phase, seconds },
          cpuSeconds: of(runs, 'cpuSeconds'),
          rssMb: of(runs, 'rssMb'),
          ratioToFloor: seconds / of(floor?.[phase] ?? [], 'seconds'),
        });
      }
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const args = process.argv.slice(2);
const options = readOptions(args);
const fleet = await startFleet(Math.max(...options.hosts));
try {
  const bench = new Bench(options, fleet);
  await bench.run();
  const { results, skips, versions } = bench;
  const command = ['npm run bench', ...(args.length === 0 ? [] : ['--', ...args])].join(' ');
  mkdirSync(options.output, { recursive: true });
  writeFileSync(join(options.output, 'latest.json'), `${JSON.stringify(results, null, 1)}\n`);
  const text = markdown({ results, skips, versions, command, forks: options.forks });
  writeFileSync(join(options.output, 'latest.md'), text);
  say(`\n${text}`);
} finally {
  await fleet.stop();
}
