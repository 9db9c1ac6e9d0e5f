import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { connectionTarget } from '../inventory/connection.js';
import type { ConnectionTarget } from '../transport/port.js';
import { FileDigests } from '../modules/file-digests.js';
import { loadPlaybook } from '../playbook/load.js';
import type { Play, Playbook } from '../playbook/model.js';
import { didYouMean } from '../playbook/nearest.js';
import type { Variable } from '../playbook/scope.js';
import { CaravanError } from '../values/error.js';
import { ConnectionPool, type Reach } from './connections.js';
import { Forks } from './forks.js';
import { importFrames, OUTERMOST, type ImportFrame } from './imports.js';
import { tasksOf } from './list.js';
import type { RunOptions, RunOutcome } from './options.js';
import { runPlay } from './play-run.js';
import { Receipts, unkeptRecord, type RunRecord } from './receipts.js';
import { RunState } from './run-state.js';
import { Scrubber } from './shown.js';
import { isStart, TaskGate } from './task-gate.js';
import { lazyVars, Variables } from './variables.js';

const DEFAULT_FORKS = 5;
const DEFAULT_TASK_TIMEOUT_SECONDS = 300;

/** How a host is reached: connection variables may be templates of other variables. */
function targetOf(
  name: string,
  variables: Variables,
  options: RunOptions,
  reach: Reach,
): ConnectionTarget {
  const host = variables.host(name);
  if (host === undefined)
    throw new CaravanError('input', `connect: the inventory has no host '${name}'`, { host: name });
  const scope = variables.scope(host);
  const plain = (vars: Readonly<Record<string, unknown>>, key: string): Variable | undefined =>
    Object.hasOwn(vars, key) ? { value: vars[key], template: false } : undefined;
  const vars = lazyVars({
    hostScope: (host) => scope.hostScope(host),
    group: (group) => scope.group(group),
    plugin: (call) => scope.plugin?.(call) ?? [],
    lookup: (key) => plain(reach.above, key) ?? scope.lookup(key) ?? plain(reach.below, key),
    names: () => [...scope.names(), ...Object.keys(reach.above), ...Object.keys(reach.below)],
  });
  return connectionTarget({ name: host.name, vars }, options.connectionOverrides);
}

function learnSecrets(playbook: Playbook, options: RunOptions): Scrubber {
  const scrubber = new Scrubber();
  scrubber.learn(playbook.entries);
  for (const { vars } of options.inventory.hosts) scrubber.learn(vars);
  scrubber.learn(options.extraVars ?? {});
  scrubber.learn(options.connectionOverrides ?? {});
  return scrubber;
}

function newState(
  playbook: Playbook,
  options: RunOptions,
  record: RunRecord | undefined,
): RunState {
  const signal = options.signal ?? new AbortController().signal;
  const variables = new Variables(options.inventory, options.extraVars ?? {}, {
    playbook_dir: dirname(resolve(options.workingFolder ?? '.', options.file)),
    ansible_check_mode: options.check === true,
    ansible_diff_mode: options.diff === true,
    ansible_limit: options.limit,
  });
  return new RunState({
    variables,
    modules: new Map(options.modules.map((module) => [module.name, module])),
    pool: new ConnectionPool(
      options.transport,
      (name, reach) => targetOf(name, variables, options, reach),
      signal,
    ),
    forks: new Forks(options.forks ?? DEFAULT_FORKS),
    clock: options.clock,
    signal,
    scrubber: learnSecrets(playbook, options),
    check: options.check ?? false,
    diff: options.diff ?? false,
    taskTimeoutSeconds: options.taskTimeoutSeconds ?? DEFAULT_TASK_TIMEOUT_SECONDS,
    tags: options.tags ?? [],
    skipTags: options.skipTags ?? [],
    random: options.random ?? Math.random,
    gate: new TaskGate(options.startAtTask, options.step),
    receipts: new Receipts(record ?? unkeptRecord()),
    digests: new FileDigests(),
    parseVars: options.parseVars,
    sink: options.emit,
  });
}

type Limited = ReadonlySet<string> | undefined;

async function runEntries(
  playbook: Playbook,
  state: RunState,
  frame: ImportFrame,
  limited: Limited,
): Promise<boolean> {
  for (const entry of playbook.entries) {
    state.checkCancelled();
    if (!(await runEntry(entry, state, frame, limited))) return false;
  }
  return true;
}

async function runEntry(
  entry: Play | Playbook['entries'][number],
  state: RunState,
  frame: ImportFrame,
  limited: Limited,
): Promise<boolean> {
  if (entry.kind === 'play') return runPlay(entry, state, frame, limited);
  for (const inner of importFrames(entry, frame, state))
    if (!(await runEntries(entry.playbook, state, inner, limited))) return false;
  return true;
}

/** @throws CaravanError input where no task is the one to start at. */
function checkStart(playbook: Playbook, startAt: string): void {
  const names = playsOf(playbook).flatMap(({ tasks }) => tasksOf(tasks).map(({ name }) => name));
  if (names.some((name) => isStart(name, startAt))) return;
  throw new CaravanError('input', `--start-at-task: no task is named '${startAt}'`, {
    hint: didYouMean(startAt, names),
  });
}

/** The plays of a playbook and of all that it imports, each once. */
function playsOf(playbook: Playbook): Play[] {
  return playbook.entries.flatMap((entry) =>
    entry.kind === 'play' ? [entry] : playsOf(entry.playbook),
  );
}

/**
 * Runs a playbook: loads and validates all of it, then play by play, batch by batch, task by task.
 * Failures of hosts are in the outcome; what the operator must mend first is thrown.
 * @throws CaravanError input where the playbook or a pattern is wrong, or no play has a host.
 */
export async function runPlaybook(options: RunOptions): Promise<RunOutcome> {
  const playbook = await loadPlaybook(options.file, {
    modules: options.modules,
    readText: options.readText ?? ((file) => readFile(file, 'utf8')),
    ...(options.parseVars === undefined ? {} : { parseVars: options.parseVars }),
    ...(options.workingFolder === undefined ? {} : { workingFolder: options.workingFolder }),
  });
  return runLoaded(playbook, options);
}

/**
 * Runs a playbook that is loaded.
 * @throws CaravanError as {@link runPlaybook}.
 */
export async function runLoaded(playbook: Playbook, options: RunOptions): Promise<RunOutcome> {
  if (options.startAtTask !== undefined) checkStart(playbook, options.startAtTask);
  const limited =
    options.limit === undefined
      ? undefined
      : new Set(options.inventory.select(options.limit).map(({ name }) => name));
  const record = options.openRecord?.();
  const state = newState(playbook, options, record);
  const startedAt = options.clock.now().getTime();
  const hosts = options.inventory.hosts
    .map(({ name }) => name)
    .filter((name) => limited?.has(name) ?? true);
  state.emit({ type: 'run-start', playbook: playbook.file, check: options.check ?? false, hosts });
  const seconds = (): number => (options.clock.now().getTime() - startedAt) / 1000;
  // A run that threw ends for its subscribers too.
  let outcome: RunOutcome['outcome'] = 'failed';
  try {
    await runEntries(playbook, state, OUTERMOST, limited);
    outcome = state.outcome();
  } catch (thrown) {
    if (!state.parts.signal.aborted) throw thrown;
    outcome = state.outcome();
  } finally {
    // Hosts that have forgotten what was done would do it again for who resumes.
    if (outcome === 'ok') record?.endedWell();
    await state.parts.pool.closeAll(outcome === 'ok' || record === undefined);
    state.emit({ type: 'run-end', outcome, seconds: seconds(), recap: state.recap() });
  }
  return {
    outcome,
    recap: state.recap(),
    seconds: seconds(),
    failures: state.failures,
    lost: state.lost(),
    facts: state.parts.variables.facts(),
  };
}
