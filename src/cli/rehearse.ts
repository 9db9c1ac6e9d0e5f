import { Command, Option } from 'commander';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openJournal } from '../evidence/journal.js';
import { renderHtml, reportJson } from '../evidence/report.js';
import { labDown } from '../lab/down.js';
import { parseLabOptions } from '../lab/layout.js';
import type { LabOptions } from '../lab/types.js';
import { labUp } from '../lab/up.js';
import { Rehearsal, type RehearsedRound } from '../rehearsal/rehearse.js';
import { resultOf, reportOf } from '../rehearsal/report.js';
import type { RehearsalResult } from '../rehearsal/result.js';
import { createTransport } from '../transport/transport.js';
import { EXIT } from './exit.js';
import { printProgress } from './lab.js';
import { count } from './option-values.js';
import { systemClock, untilStopped } from './system.js';
import { createView, type OutputFormat, type View } from './view.js';

interface RehearseOptions extends LabOptions {
  readonly keep: boolean;
  readonly rounds: number;
  readonly output: OutputFormat;
  readonly reportFolder: string;
}

/** `caravan rehearse`: a practice cluster, rotated there and back, with a report. */
export function rehearseCommand(): Command {
  return new Command('rehearse')
    .description(
      'make a practice cluster, rotate its CA there and back and there, report, remove it',
    )
    .option('--control-planes <count>', '1 to 5', Number, 3)
    .option('--workers <count>', '1 to 20', Number, 2)
    .option('--kubernetes <version>', 'version to run', 'v1.36.3')
    .option('--binaries <folder>', 'folder with every program, instead of download or build')
    .option('--install', 'install missing Debian packages', false)
    .option('--keep', 'leave the cluster up', false)
    .option('--rounds <count>', 'rotations, one after the other', count, 1)
    .option('--report-folder <folder>', 'where the report goes', 'report')
    .addOption(
      new Option('--output <format>', 'text, or JSON lines with the result last')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (options: RehearseOptions) => {
      // With JSON, standard output carries the one object; all else goes to standard error.
      const view = createView({ format: 'text', diff: false, stream: process.stderr });
      const result = await untilStopped(view.say, (signal) => rehearse(options, view, signal));
      process.stdout.write(
        options.output === 'json' ? `${JSON.stringify(result)}\n` : resultText(result),
      );
      process.exitCode = result.ok ? EXIT.ok : EXIT.failedHosts;
    });
}

async function rehearse(
  options: RehearseOptions,
  view: View,
  signal: AbortSignal,
): Promise<RehearsalResult> {
  const labContext = { signal, progress: printProgress };
  const started = systemClock.now();
  const { controlPlanes, workers, kubernetes, binaries, install } = options;
  const size = {
    controlPlanes,
    workers,
    kubernetes,
    install,
    ...(binaries !== undefined && { binaries }),
  };
  const lab = await labUp(parseLabOptions(size), labContext);
  const labUpSeconds = (systemClock.now().getTime() - started.getTime()) / 1000;
  const folder = resolve(options.reportFolder);
  const journal = openJournal(join(folder, 'journal.jsonl'));
  const rehearsal = await Rehearsal.open(lab, {
    transport: createTransport(),
    clock: systemClock,
    signal,
    say: view.say,
    emit: (event) => {
      view.sink(event);
      journal.sink(event);
    },
  });
  const rounds: RehearsedRound[] = [];
  try {
    for (let round = 1; round <= options.rounds; round++) {
      view.say(`round ${round} of ${options.rounds}`);
      await rehearsal.prepare();
      rounds.push(await rehearsal.round());
    }
  } finally {
    await rehearsal.close();
    journal.close();
  }
  const paths = { html: join(folder, 'rehearsal.html'), json: join(folder, 'rehearsal.json') };
  const result = resultOf(rounds, { kubernetes: lab.kubernetes, labUpSeconds, report: paths });
  const data = reportOf(rounds, result, { started, ended: systemClock.now() });
  await mkdir(folder, { recursive: true });
  await writeFile(paths.html, renderHtml(data));
  await writeFile(paths.json, reportJson(data));
  if (!options.keep) await labDown(labContext);
  return result;
}

function resultText(result: RehearsalResult): string {
  const { probes, restarts, seconds } = result;
  const workloads = Object.entries(restarts.workloads).map(([name, count]) => `${name} ${count}`);
  return [
    '',
    `Kubernetes ${result.kubernetes}: ${result.ok ? 'rotated, and all checks passed' : 'NOT all checks passed; see the report'}`,
    `probes     balancer ${probes.balancer.failed} of ${probes.balancer.total} failed, direct ${probes.direct.failed} of ${probes.direct.total}`,
    `restarts   kube-apiserver ${restarts['kube-apiserver']}, kube-controller-manager ${restarts['kube-controller-manager']}, kube-scheduler ${restarts['kube-scheduler']}, kubelet ${restarts.kubelet}`,
    `workloads  ${workloads.join(', ')}`,
    `seconds    lab up ${seconds.labUp}, forward ${seconds.rollForward}, back ${seconds.rollBack}, old to new ${seconds.rotate}`,
    `leftovers  ${result.leftovers}`,
    `report     ${result.report.html}`,
    '',
  ].join('\n');
}
