import type { InventoryHost } from '../inventory/inventory.js';
import type { Play, Task } from '../playbook/model.js';
import type { ImportFrame } from './imports.js';
import type { RunState } from './run-state.js';
import type { Layers } from './variables.js';
import type { PlayVars } from './play-vars.js';

/** One batch of a play in work. */
export interface BatchRun {
  readonly play: Play;
  readonly frame: ImportFrame;
  readonly state: RunState;
  readonly playVars: PlayVars;
  /** The hosts of the batch that were live when it started. */
  readonly hosts: readonly InventoryHost[];
  /** All hosts of the play, for `ansible_play_hosts_all`. */
  readonly playHosts: readonly InventoryHost[];
  /** Handlers to run, and for which hosts. */
  readonly notified: Map<Task, Set<string>>;
  /** What has come of the batch so far. */
  readonly progress: BatchProgress;
}

/** What changes while a batch runs. */
export interface BatchProgress {
  /** Hosts that left the play without failing (`meta: end_host`). */
  readonly ended: Set<string>;
  /** Hosts with a failure that no rescue took. */
  readonly failed: Set<string>;
  /** Hosts that another's fatal failure has failed, while they were not at its list of tasks. */
  readonly swept: Set<string>;
  /** Whether failures are past what the play allows: it ends, and the run with it. */
  broken: boolean;
  /** Whether `meta: end_play` or `end_batch` ended it. */
  over: 'no' | 'batch' | 'play';
}

/** Members are made when a template names them: each is a list of many hosts. */
export function magicOf(run: BatchRun): Readonly<Record<string, unknown>> {
  const live = (hosts: readonly InventoryHost[]): string[] =>
    liveOf(run, hosts).map(({ name }) => name);
  return {
    get play_hosts() {
      return live(run.hosts);
    },
    get ansible_play_batch() {
      return live(run.hosts);
    },
    get ansible_play_hosts() {
      return live(run.playHosts);
    },
    get ansible_play_hosts_all() {
      return run.playHosts.map(({ name }) => name);
    },
    ansible_play_name: run.play.name,
  };
}

/** The hosts of a list that still take part. */
export function liveOf(run: BatchRun, hosts: readonly InventoryHost[]): InventoryHost[] {
  return hosts.filter(({ name }) => run.state.isLive(name) && !run.progress.ended.has(name));
}

/** What hosts without variables of their own have in common, by task. */
const COMMON = new WeakMap<BatchRun, Map<Task, Layers>>();

/** What play and task add to the variables of a host. */
export function layersOf(run: BatchRun, task: Task, { name }: InventoryHost): Layers {
  const ofRun = COMMON.get(run) ?? new Map<Task, Layers>();
  COMMON.set(run, ofRun);
  const common = ofRun.get(task) ?? commonLayers(run, task);
  ofRun.set(task, common);
  const own = run.playVars.of(name);
  return own === common.play ? common : { ...common, play: own };
}

function commonLayers(run: BatchRun, task: Task): Layers {
  const { play, frame } = run;
  const { role } = task;
  return {
    play: play.vars,
    task: task.vars,
    imports: frame.layers,
    magic: magicOf(run),
    folders: task.folders,
    role: {
      vars: { ...play.roles.vars, ...role?.vars },
      defaults: { ...play.roles.defaults, ...role?.defaults },
      magic: role === undefined ? {} : { role_name: role.name, role_path: role.path },
    },
  };
}
