import type { InventoryHost } from '../inventory/inventory.js';
import type { Task, TaskNode } from '../playbook/model.js';
import type { Scope } from '../playbook/scope.js';
import type { Script } from '../values/shell.js';
import type { Reach } from './connections.js';
import type { MadeAhead } from './made-ahead.js';
import type { RunState } from './run-state.js';

/** One task on one host, with what its names mean there. */
export interface HostTask {
  readonly task: Task;
  readonly play: string;
  readonly host: InventoryHost;
  /** Host that the steps run on: `host`, or what `delegate_to` names. */
  readonly target: string;
  readonly scope: Scope;
  readonly state: RunState;
  /** How the target is reached, where play or task say something about it. */
  readonly reach?: Reach;
  readonly environment?: Script;
  /** Which item of the task's loop this is, from 0; absent without a loop. */
  readonly item?: number;
  /** A task in front of it, which may fail, was left out when it was looked at ahead. */
  readonly isBehindDecision?: boolean;
  /** Where it stands among the tasks that work may be done ahead for. */
  readonly spot?: Spot;
}

/** Tasks that some hosts run one after the other, and for which work may be done ahead. */
export interface TaskList {
  readonly nodes: readonly TaskNode[];
  /** What was done so far for those whose turn is still to come. */
  readonly made: MadeAhead;
  readonly upcoming: Upcoming;
  /** Whether a later task may write before others have done their earlier ones. */
  readonly mayWrite: boolean;
}

/** Where a task stands in its list. */
export interface Spot {
  readonly list: TaskList;
  readonly index: number;
}

/** The tasks behind one on its host, as far as they are known to run. */
export type Upcoming = (first: HostTask, spot: Spot) => Iterable<HostTask>;
