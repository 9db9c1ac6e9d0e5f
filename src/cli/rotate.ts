import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { RunOutcome } from '../engine/options.js';
import { openJournal } from '../evidence/journal.js';
import type { ConnectionOverrides } from '../inventory/connection.js';
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
import {
  addConnectionOptions,
  connectionOverridesOf,
  type ConnectionOptions,
} from './connection-options.js';
import { exitCodeOf } from './exit.js';
import { append, count, serial, verboseOption } from './option-values.js';
import { stateFolderOf } from './state-folder.js';
import { systemClock, untilStopped } from './system.js';
import { operatorTerminal } from './terminal.js';
import { addVaultOptions, type VaultOptions, vaultPasswordsOf } from './vault-options.js';
import { createView, type OutputFormat } from './view.js';

interface FleetOptions extends VaultOptions, ConnectionOptions {
  readonly inventory: string[];
  readonly state?: string;
  readonly controlPlaneGroup?: string;
  readonly workersGroup?: string;
  readonly forks: number;
  readonly verbose: number;
  readonly output: OutputFormat;
}

interface RotateOptions extends FleetOptions {
  readonly to: TrustState;
  readonly plan: boolean;
  readonly begin: boolean;
  readonly recover: boolean;
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
  return addLogin(fleetCommand('survey'))
    .description(
      'read every host and the API: trust state, matrix, what is missing; changes nothing',
    )
    .action(async (options: FleetOptions) => {
      const { outcome, survey } = await surveyFleet(await openFleet(options), 'new');
      if (survey)
        process.stdout.write(
          options.output === 'json' ? `${JSON.stringify(survey)}\n` : surveyText(survey),
        );
      process.exitCode = exitCodeOf(outcome);
    });
}

/** `caravan rotate`: walk to a trust state. */
export function rotateCommand(): Command {
  const command = fleetCommand('rotate')
    .description(
      'walk the fleet to a trust state: forward rotates, backward rolls back, again resumes',
    )
    .addOption(new Option('--to <state>', 'state to walk to').choices([...STATES]).default('new'))
    .option('--plan', 'say what would be done, in which order, and stop', false)
    .option('--begin', "begin another rotation: today's new authorities become the old ones", false)
    .option(
      '--recover',
      'fill a lost state folder from the control planes of a rotation under way, and stop',
      false,
    )
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
    .option('--worker-batch <serial>', 'workers at once: a number or a percentage', serial, '10%');
  return addLogin(command).action(async (options: RotateOptions) => {
    if (options.begin && (options.plan || options.check))
      throw new CaravanError(
        'input',
        '--begin changes the state folder, and goes with no dry run.',
        {
          hint: 'Leave out --plan or --check, or leave out --begin.',
        },
      );
    if (options.recover && (options.plan || options.begin))
      throw new CaravanError('input', '--recover only fills the state folder, and stops.', {
        hint: 'Leave out --plan and --begin; they go with the next run.',
      });
    const fleet = await openFleet(options);
    if (options.recover) {
      process.exitCode = exitCodeOf(await recover(options, fleet));
      return;
    }
    if (options.begin) await begin(fleet);
    const { outcome, survey } = options.plan
      ? await surveyFleet(fleet, options.to)
      : { outcome: await rotate(options, fleet), survey: undefined };
    if (survey) process.stdout.write(planText(survey, options.to));
    process.exitCode = exitCodeOf(outcome);
  });
}

function fleetCommand(name: string): Command {
  return new Command(name)
    .requiredOption('-i, --inventory <source>', 'inventory; may be repeated', append, [])
    .option(
      '--state <folder>',
      'folder of authorities and leaves (default: .caravan beside the inventory)',
    )
    .option('--control-plane-group <group>', 'group of the control planes')
    .option('--workers-group <group>', 'group of the workers')
    .option('-f, --forks <count>', 'hosts at once', count, 10)
    .addOption(verboseOption())
    .addOption(
      new Option('--output <format>', 'text or JSON lines')
        .choices(['text', 'json'])
        .default('text'),
    );
}

const addLogin = (command: Command): Command => addVaultOptions(addConnectionOptions(command));

/** A fleet as the options describe it; what has to be asked for is asked for once. */
interface Fleet {
  readonly options: FleetOptions;
  readonly inventory: Inventory;
  readonly store: AuthorityStore;
  readonly connectionOverrides: ConnectionOverrides;
}

async function openFleet(options: FleetOptions): Promise<Fleet> {
  const vaultPasswords = await vaultPasswordsOf(options);
  return {
    options,
    inventory: await loadInventory(options.inventory, {
      vaultPasswords,
      warn: (message) => process.stderr.write(`[warning] ${message}\n`),
    }),
    store: new AuthorityStore(stateFolderOf(options)),
    connectionOverrides: await connectionOverridesOf(options),
  };
}

function shared({ options, ...fleet }: Fleet, signal: AbortSignal) {
  const terminal = operatorTerminal();
  return {
    ...fleet,
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

async function rotate(
  options: RotateOptions,
  fleet: Fleet,
  playbook: 'rotate-ca' | 'recover' = 'rotate-ca',
): Promise<RunOutcome> {
  const { output, diff, verbose } = options;
  const view = createView({ format: output, diff, verbosity: verbose });
  // For audit and timing; where the fleet is, is never read from it.
  const journal = openJournal(join(fleet.store.folder, 'journal.jsonl'));
  try {
    return await untilStopped(view.say, (signal) =>
      runRotation({
        ...shared(fleet, signal),
        to: options.to,
        playbook,
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
  fleet: Fleet,
  to: TrustState,
): Promise<{ outcome: RunOutcome; survey?: Survey }> {
  const { output, verbose } = fleet.options;
  const view = createView({ format: output, diff: false, verbosity: verbose });
  let survey: Survey | undefined;
  const outcome = await untilStopped(view.say, (signal) =>
    runRotation({
      ...shared(fleet, signal),
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

async function begin(fleet: Fleet): Promise<void> {
  const { store } = fleet;
  await withLock(store.folder, async () => {
    const { survey } = await surveyFleet(fleet, 'new');
    if (survey?.position.kind === 'at' && survey.position.state === 'new') return store.begin();
    throw new CaravanError(
      'gate',
      `Another rotation begins only at new; the fleet is ${survey ? describePosition(survey.position) : 'not surveyed'}.`,
      { hint: 'Finish the present one with `caravan rotate --to new`, or leave out --begin.' },
    );
  });
}

/** @throws CaravanError input: the folder is not empty; gate: no control plane has what belongs there. */
async function recover(options: RotateOptions, fleet: Fleet): Promise<RunOutcome> {
  const { store } = fleet;
  const isEmpty = async (): Promise<boolean> => Object.keys(await store.load()).length === 0;
  if (!(await isEmpty()))
    throw new CaravanError('input', `The state folder ${store.folder} has its authorities.`, {
      hint: 'Leave out --recover, or give an empty folder with --state.',
    });
  const outcome = await rotate(options, fleet, 'recover');
  if (outcome.outcome !== 'ok' || options.check || !(await isEmpty())) return outcome;
  throw new CaravanError(
    'gate',
    'No control plane has copies of both authorities: they are there from the first control plane of trust-both on, and until the last of `old` or `new`.',
    { hint: 'Where ca.crt holds one certificate on each host, no folder is needed to begin.' },
  );
}
