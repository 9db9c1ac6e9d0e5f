import { dirname, join } from 'node:path';
import { statSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { RunOutcome } from '../engine/options.js';
import { openJournal } from '../evidence/journal.js';
import { loadInventory } from '../inventory/load.js';
import type { Inventory } from '../inventory/inventory.js';
import { AuthorityStore } from '../rotation/authorities.js';
import { withLock } from '../rotation/lock.js';
import type { Matrix } from '../rotation/matrix.js';
import { runRotation } from '../rotation/rotate.js';
import { STATE_KNOBS, STATES, type TrustState } from '../rotation/states.js';
import type { Position } from '../rotation/walk.js';
import { describePosition } from '../rotation/modules/rotation-survey.js';
import { createTransport } from '../transport/transport.js';
import { CaravanError } from '../values/error.js';
import { exitCodeOf } from './exit.js';
import { append, count, serial } from './option-values.js';
import { systemClock, untilStopped } from './system.js';
import { operatorTerminal } from './terminal.js';
import { addVaultOptions, type VaultOptions, vaultPasswordsOf } from './vault-options.js';
import { createView, type OutputFormat } from './view.js';

interface FleetOptions extends VaultOptions {
  readonly inventory: string[];
  readonly state?: string;
  readonly controlPlaneGroup?: string;
  readonly workersGroup?: string;
  readonly forks: number;
  readonly output: OutputFormat;
}

interface RotateOptions extends FleetOptions {
  readonly to: TrustState;
  readonly plan: boolean;
  readonly begin: boolean;
  readonly check: boolean;
  readonly diff: boolean;
  readonly restart: 'needed' | 'always';
  readonly newCa?: string;
  readonly backupRecipient: string[];
  readonly workerBatch: string;
  readonly withoutNode: string[];
}

/** `caravan survey`: where every certificate is, and so where the fleet is. */
export function surveyCommand(): Command {
  return fleetCommand('survey')
    .description(
      'read every host and the API: trust state, matrix, what is missing; changes nothing',
    )
    .action(async (options: FleetOptions) => {
      const { outcome, survey } = await surveyFleet(options, 'new');
      if (survey)
        process.stdout.write(
          options.output === 'json' ? `${JSON.stringify(survey)}\n` : surveyText(survey),
        );
      process.exitCode = exitCodeOf(outcome);
    });
}

/** `caravan rotate`: walk to a trust state. */
export function rotateCommand(): Command {
  return fleetCommand('rotate')
    .description(
      'walk the fleet to a trust state: forward rotates, backward rolls back, again resumes',
    )
    .addOption(new Option('--to <state>', 'state to walk to').choices([...STATES]).default('new'))
    .option('--plan', 'say what would be done, in which order, and stop', false)
    .option('--begin', "begin another rotation: today's new authorities become the old ones", false)
    .option('-C, --check', 'dry run of the first step', false)
    .option('-D, --diff', 'show the lines and certificates that change', false)
    .addOption(
      new Option('--restart <when>', 'kube-apiserver too, or what needs it')
        .choices(['needed', 'always'])
        .default('needed'),
    )
    .option(
      '--new-ca <folder>',
      'your own new CAs: ca.crt, ca.key, front-proxy-ca.crt, front-proxy-ca.key',
    )
    .option(
      '--backup-recipient <age1...>',
      'who can open the backups of hosts; may be repeated (default: an identity in the state folder)',
      append,
      [],
    )
    .option(
      '--without-node <name>',
      'a node of the cluster that is not in the inventory, and may be locked out; may be repeated',
      append,
      [],
    )
    .option('--worker-batch <serial>', 'workers at once: a number or a percentage', serial, '10%')
    .action(async (options: RotateOptions) => {
      if (options.begin) await begin(options);
      const { outcome, survey } = options.plan
        ? await surveyFleet(options, options.to)
        : { outcome: await rotate(options), survey: undefined };
      if (survey) process.stdout.write(planText(survey, options.to));
      process.exitCode = exitCodeOf(outcome);
    });
}

function fleetCommand(name: string): Command {
  return addVaultOptions(new Command(name))
    .requiredOption('-i, --inventory <source>', 'inventory; may be repeated', append, [])
    .option(
      '--state <folder>',
      'folder of authorities and leaves (default: .caravan beside the inventory)',
    )
    .option('--control-plane-group <group>', 'group of the control planes')
    .option('--workers-group <group>', 'group of the workers')
    .option('-f, --forks <count>', 'hosts at once', count, 10)
    .addOption(
      new Option('--output <format>', 'text or JSON lines')
        .choices(['text', 'json'])
        .default('text'),
    );
}

function stateFolder({ inventory, state }: FleetOptions): AuthorityStore {
  const [first = '.'] = inventory;
  const folder = statSync(first, { throwIfNoEntry: false })?.isDirectory() ? first : dirname(first);
  return new AuthorityStore(state ?? join(folder, '.caravan'));
}

async function readInventory(options: FleetOptions): Promise<Inventory> {
  return loadInventory(options.inventory, { vaultPasswords: await vaultPasswordsOf(options) });
}

function shared(options: FleetOptions, inventory: Inventory, signal: AbortSignal) {
  const terminal = operatorTerminal();
  return {
    inventory,
    store: stateFolder(options),
    transport: createTransport(terminal ? { terminal } : {}),
    clock: systemClock,
    signal,
    forks: options.forks,
    groups: {
      ...(options.controlPlaneGroup !== undefined && { controlPlane: options.controlPlaneGroup }),
      ...(options.workersGroup !== undefined && { workers: options.workersGroup }),
    },
  };
}

async function rotate(options: RotateOptions): Promise<RunOutcome> {
  const inventory = await readInventory(options);
  const view = createView({ format: options.output, diff: options.diff });
  // For audit and timing; where the fleet is, is never read from it.
  const journal = openJournal(join(stateFolder(options).folder, 'journal.jsonl'));
  try {
    return await untilStopped(view.say, (signal) =>
      runRotation({
        ...shared(options, inventory, signal),
        to: options.to,
        check: options.check,
        diff: options.diff,
        restart: options.restart,
        workerBatch: options.workerBatch,
        withoutNodes: options.withoutNode,
        backupRecipients: options.backupRecipient,
        ...(options.newCa !== undefined && { newCa: options.newCa }),
        emit: (event) => {
          view.sink(event);
          journal.sink(event);
        },
      }),
    );
  } finally {
    journal.close();
  }
}

/** What `rotation_survey` registers. */
interface Survey {
  readonly position: Position;
  readonly walk: readonly TrustState[];
  readonly matrix: Matrix;
  readonly stale: readonly string[];
  readonly unsupported: readonly string[];
  readonly strangers: readonly string[];
  readonly apiError?: string;
}

async function surveyFleet(
  options: FleetOptions,
  to: TrustState,
): Promise<{ outcome: RunOutcome; survey?: Survey }> {
  const inventory = await readInventory(options);
  const view = createView({ format: options.output, diff: false });
  let survey: Survey | undefined;
  const outcome = await untilStopped(view.say, (signal) =>
    runRotation({
      ...shared(options, inventory, signal),
      to,
      playbook: 'survey',
      emit: (event) => {
        view.sink(event);
        if (event.type !== 'host-result' || !event.result) return;
        if ('matrix' in event.result) survey = event.result as unknown as Survey;
      },
    }),
  );
  return { outcome, ...(survey && { survey }) };
}

/** The matrix as text: a row an item, a letter a host. */
export function surveyText(survey: Survey): string {
  const { position, matrix, stale, unsupported, strangers, apiError } = survey;
  const width = Math.max(...matrix.rows.map(({ item }) => item.length), 4);
  const header = ['item'.padEnd(width), ...matrix.columns.map((host) => host.padEnd(7))].join('  ');
  const rows = matrix.rows.map(({ item, cells }) =>
    [item.padEnd(width), ...matrix.columns.map((host) => (cells[host] ?? '-').padEnd(7))].join(
      '  ',
    ),
  );
  return [
    '',
    header,
    ...rows,
    '',
    ...(stale.length > 0 ? [`Not read again since their files changed: ${stale.join(', ')}`] : []),
    ...unsupported.map((what) => `Cannot be rotated: ${what}`),
    ...(strangers.length > 0
      ? [`Nodes that are not in the inventory: ${strangers.join(', ')}`]
      : []),
    ...(apiError === undefined ? [] : [`The API could not be read: ${apiError}`]),
    `The fleet is ${describePosition(position)}.`,
    '',
  ].join('\n');
}

function planText(survey: Survey, to: TrustState): string {
  const steps = survey.walk.map((state, i) => {
    const { trust, clients, servers } = STATE_KNOBS[state];
    return `  ${i + 1}. ${state}: trust ${trust}, client leaves ${clients}, server leaves ${servers}`;
  });
  const plan =
    steps.length === 0
      ? [`Nothing to do: the fleet is at ${to}.`]
      : [
          `To ${to}, one state after the other; each ends with a gate:`,
          ...steps,
          'In each: control planes one at a time, workers in batches, API objects, workloads.',
          'The steps of a state are in playbooks/converge.yml.',
        ];
  return `${surveyText(survey)}${plan.join('\n')}\n`;
}

async function begin(options: RotateOptions): Promise<void> {
  if (options.plan || options.check)
    throw new CaravanError('input', '--begin changes the state folder, and goes with no dry run.', {
      hint: 'Leave out --plan or --check, or leave out --begin.',
    });
  const store = stateFolder(options);
  await withLock(store.folder, async () => {
    const { survey } = await surveyFleet(options, 'new');
    if (survey?.position.kind === 'at' && survey.position.state === 'new') return store.begin();
    throw new CaravanError(
      'gate',
      `Another rotation begins only at new; the fleet is ${survey ? describePosition(survey.position) : 'not surveyed'}.`,
      { hint: 'Finish the present one with `caravan rotate --to new`, or leave out --begin.' },
    );
  });
}
