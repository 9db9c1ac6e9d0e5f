import type { CaravanError } from '../values/error.js';
import type { JsonObject } from '../values/json.js';
import type { HostStatus } from './events.js';
import type { Judged } from './judged-attempt.js';
import { HIDDEN, showChanges, showError, type Showing } from './shown.js';
import type { HostTask } from './task-on-host.js';
import type { Variables } from './variables.js';

/** How a task ended on a host. */
export interface HostOutcome {
  readonly status: HostStatus;
  /** What `register` stores. */
  readonly registered: JsonObject;
  readonly error?: CaravanError;
  /** Failed, and the host goes on. */
  readonly ignored: boolean;
  readonly facts: JsonObject;
  readonly hostFacts: JsonObject;
  /** The host that takes the facts, where it is the delegate (`delegate_facts`). */
  readonly factsOf?: string;
}

/** Keeps the facts that a task gave, on its host or on its delegate. */
export function keepFacts(variables: Variables, host: string, outcome: HostOutcome): void {
  const { facts, hostFacts, factsOf = host } = outcome;
  variables.setFacts(factsOf, facts);
  variables.setHostFacts(factsOf, hostFacts);
}

const UNREACHABLE = ['connect', 'auth', 'host-key'];

function showing(on: HostTask): Showing {
  const { diff, scrubber } = on.state.parts;
  return {
    ...{ noLog: on.task.noLog === true, diff: on.task.diff ?? diff, scrubber },
    source: on.task.source,
  };
}

/** A report of one host, or of one item on it: as an event, and for what comes after. */
interface Report {
  readonly status: HostStatus;
  readonly startedAt: number;
  readonly item?: string;
  readonly judged?: Judged;
  readonly reason?: string;
  readonly error?: CaravanError;
}

/** Tells how a task ended on a host. */
export function emit(on: HostTask, report: Report): HostOutcome {
  const { task, state, host } = on;
  const { status, judged, error, item } = report;
  const show = showing(on);
  const ignored =
    (task.ignoreErrors === true && status === 'failed') ||
    (task.ignoreUnreachable === true && status === 'unreachable');
  const reason = report.reason ?? judged?.done.reason;
  state.emit({
    type: 'host-result',
    play: on.play,
    task: task.name,
    source: task.source,
    host: host.name,
    status,
    seconds: (state.parts.clock.now().getTime() - report.startedAt) / 1000,
    changes: showChanges(judged?.changed === true ? judged.done.changes : [], show),
    ...(item === undefined ? {} : { item: show.noLog ? HIDDEN : show.scrubber.text(item) }),
    ...(reason === undefined || show.noLog ? {} : { reason: show.scrubber.text(reason) }),
    ...(judged === undefined || show.noLog
      ? {}
      : { result: show.scrubber.value(judged.registered) }),
    ...(state.parts.modules.get(task.module)?.says === true ? { says: true } : {}),
    ...(error === undefined ? {} : { error: showError(error, show) }),
    ...(ignored ? { ignored } : {}),
  });
  const failed = {
    ...{ changed: false, failed: status === 'failed', msg: error?.message ?? '' },
    ...(status === 'unreachable' ? { unreachable: true } : {}),
  };
  const skipped = { changed: false, failed: false, skipped: true, skip_reason: reason ?? '' };
  return {
    status,
    ignored,
    registered: judged?.registered ?? (status === 'skipped' ? skipped : failed),
    facts: judged?.done.facts ?? {},
    hostFacts: judged?.done.hostFacts ?? {},
    ...(task.delegateFacts && task.delegateTo !== undefined ? { factsOf: on.target } : {}),
    ...(error === undefined ? {} : { error }),
  };
}

/** How a task counts that an error ended. */
export function failureStatus(
  error: CaravanError,
  on: Pick<HostTask, 'host' | 'target'>,
): HostStatus {
  const { host = on.host.name } = error.detail;
  // A delegate that does not answer leaves its task undone, as a host does.
  const isOwn = host === on.host.name || host === on.target;
  return UNREACHABLE.includes(error.kind) && isOwn ? 'unreachable' : 'failed';
}
