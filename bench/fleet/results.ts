import { cpus, release, totalmem } from 'node:os';

/** Which of the two runs: the first, or the same again. */
export type Phase = 'changed' | 'unchanged';

/** The figures of one cell: medians of its runs. */
export interface Result {
  readonly tool: string;
  readonly hosts: number;
  readonly rttMs: number;
  readonly phase: Phase;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  /** `seconds` in units of the floor's in the same cell. */
  readonly ratioToFloor: number;
}

/** A cell that has no figures, and why. */
export interface Skip {
  readonly tool: string;
  readonly hosts?: number;
  readonly rttMs?: number;
  readonly reason: string;
}

/** All that one run of the bench found. */
export interface Report {
  readonly results: readonly Result[];
  readonly skips: readonly Skip[];
  readonly versions: Readonly<Record<string, string>>;
  /** How it was asked for. */
  readonly command: string;
  readonly forks: number;
}

/** The middle of several numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The results as a document: one table a size and distance. */
export function markdown({ results, skips, versions, command, forks }: Report): string {
  const cells = new Map<string, Result[]>();
  for (const result of results) {
    const key = `${result.hosts} hosts, ${result.rttMs} ms round trip`;
    cells.set(key, [...(cells.get(key) ?? []), result]);
  }
  const tables = [...cells].map(([title, found]) => `## ${title}\n\n${table(found)}`);
  const tools = Object.entries(versions).map(([tool, version]) => `- ${tool}: ${version}`);
  const skipped = skips.map(({ tool, hosts, rttMs, reason }) => {
    const cell = hosts === undefined ? '' : `, ${hosts} hosts, ${rttMs ?? 0} ms`;
    return `- ${tool}${cell}: ${reason}`;
  });
  return [
    '# The same work, side by side',
    `Made by \`${command}\`; what is measured and how to read it: [benchmarks.md](../../docs/benchmarks.md).`,
    `Machine: ${machine()}. Hosts and their sshd are on it too, so all share its cores. Forks: ${forks}.`,
    ...tables,
    ...(skipped.length === 0 ? [] : ['## Not measured', skipped.join('\n')]),
    '## Versions',
    `${tools.join('\n')}\n`,
  ].join('\n\n');
}

function machine(): string {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} cores (${first?.model.trim() ?? 'unknown'}), ${memory} GiB, Linux ${release()}, Node ${process.version}`;
}

function table(results: readonly Result[]): string {
  const tools = [...new Set(results.map(({ tool }) => tool))];
  const rows = tools.map((tool) => {
    const of = (phase: Phase): Result | undefined =>
      results.find((one) => one.tool === tool && one.phase === phase);
    const first = of('changed');
    const again = of('unchanged');
    const cpuMs = first && (first.cpuSeconds / first.hosts) * 1000;
    const figures = [
      ...[shown(first?.seconds, 2), shown(first?.ratioToFloor, 1)],
      ...[shown(again?.seconds, 2), shown(again?.ratioToFloor, 1)],
      ...[shown(cpuMs, 1), shown(first?.rssMb, 0)],
    ];
    return `| ${tool} | ${figures.join(' | ')} |`;
  });
  return [
    '| tool | changed, s | ÷ floor | unchanged, s | ÷ floor | controller CPU, ms a host | peak memory, MB |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits);
}
