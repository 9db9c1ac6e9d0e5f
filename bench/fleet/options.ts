import { parseArgs } from 'node:util';
import { TOOLS, type Tool } from './tools.js';

/** What is measured, and for how long. */
export interface BenchOptions {
  readonly hosts: readonly number[];
  readonly rttMs: readonly number[];
  readonly tools: readonly Tool[];
  /** Runs of each cell; their median counts. */
  readonly runs: number;
  /** The same for tools that take minutes. */
  readonly slowRuns: number;
  /** Round-trip times at which such tools are run. */
  readonly slowRttMs: readonly number[];
  readonly forks: number;
  /** The most that one run may take. */
  readonly budgetSeconds: number;
  /** Folder of the results. */
  readonly output: string;
}

/** Reads the command line. Throws an Error that names what cannot be used. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      hosts: { type: 'string', default: '10,50,200' },
      rtt: { type: 'string', default: '0,20,100' },
      tools: { type: 'string', default: TOOLS.map(({ name }) => name).join(',') },
      runs: { type: 'string', default: '3' },
      'slow-runs': { type: 'string', default: '1' },
      'slow-rtt': { type: 'string' },
      forks: { type: 'string', default: '50' },
      budget: { type: 'string', default: '300' },
      output: { type: 'string', default: 'bench/results' },
    },
  });
  const names = values.tools.split(',');
  const unknown = names.find((name) => !TOOLS.some((tool) => tool.name === name));
  if (unknown !== undefined)
    throw new Error(`--tools: '${unknown}' is none of ${TOOLS.map(({ name }) => name).join(', ')}`);
  return {
    hosts: numbers('--hosts', values.hosts),
    rttMs: numbers('--rtt', values.rtt),
    // The floor is the unit, so it is always there.
    tools: TOOLS.filter(({ name }) => name === 'floor' || names.includes(name)),
    runs: only('--runs', values.runs),
    slowRuns: only('--slow-runs', values['slow-runs']),
    slowRttMs: numbers('--slow-rtt', values['slow-rtt'] ?? values.rtt),
    forks: only('--forks', values.forks),
    budgetSeconds: only('--budget', values.budget),
    output: values.output,
  };
}

function numbers(option: string, text: string): number[] {
  const found = text.split(',').map(Number);
  if (found.every((value) => Number.isInteger(value) && value >= 0)) return found;
  throw new Error(`${option}: '${text}' is no list of whole numbers`);
}

function only(option: string, text: string): number {
  const [value, more] = numbers(option, text);
  if (value !== undefined && value > 0 && more === undefined) return value;
  throw new Error(`${option}: '${text}' is not one number above 0`);
}
