import type { RunEvent } from '../engine/events.js';
import { foldHosts } from './view.fold.js';

interface Place {
  readonly task: string;
  readonly source: string;
}

/** What is known of a host while a run goes on. */
interface Trace {
  changed?: Place;
  failed?: Place & { readonly how: string };
  /** The task that it is at. */
  at?: Place;
}

function named({ task, source }: Place): string {
  return `[${task}] ${source}`;
}

function sentence({ changed, failed, at }: Trace): string {
  const end = failed
    ? `${failed.how} at ${named(failed)}`
    : at === undefined
      ? 'stopped between two tasks'
      : `stopped at ${named(at)}`;
  const before =
    changed === undefined ? 'nothing was changed' : `last changed by ${named(changed)}`;
  return `${end}; ${before}`;
}

/** Follows a run, to say at its end what the hosts that did not get there were left in. */
export class LeftIn {
  readonly #traces = new Map<string, Trace>();

  #trace(host: string): Trace {
    const trace = this.#traces.get(host) ?? {};
    this.#traces.set(host, trace);
    return trace;
  }

  follow(event: RunEvent): void {
    if (event.type === 'run-start') this.#traces.clear();
    else if (event.type === 'task-start') {
      const { task, source } = event;
      const place = { task, source };
      for (const host of event.hosts) this.#trace(host).at = place;
    } else if (event.type === 'host-result') this.#result(event);
  }

  #result(event: Extract<RunEvent, { type: 'host-result' }>): void {
    const { host, task, source, status, changes, ignored, item, error } = event;
    const trace = this.#trace(host);
    const place = { task, source };
    // A task that fails may have changed something before.
    if (status === 'changed' || changes.length > 0) trace.changed = place;
    if (item === undefined) delete trace.at;
    if (ignored === true || (status !== 'failed' && status !== 'unreachable')) return;
    const how = error?.kind === 'cancelled' ? 'cancelled' : status;
    trace.failed = { ...place, how };
  }

  /** One line for the hosts that were left alike: those that failed, and of a cancelled run all under way. */
  lines({ recap, outcome }: Extract<RunEvent, { type: 'run-end' }>): string[] {
    const alike = new Map<string, string[]>();
    for (const [host, trace] of this.#traces) {
      const { failed = 0, unreachable = 0 } = recap[host] ?? {};
      const isLost = failed + unreachable > 0;
      if (!isLost && outcome !== 'cancelled') continue;
      const said = sentence(isLost || trace.failed?.how === 'cancelled' ? trace : without(trace));
      alike.set(said, [...(alike.get(said) ?? []), host]);
    }
    return [...alike].map(([said, hosts]) => `${foldHosts(hosts)}: ${said}`);
  }
}

/** A failure that a rescue took is not how the host was left. */
function without({ changed, at }: Trace): Trace {
  return { ...(changed === undefined ? {} : { changed }), ...(at === undefined ? {} : { at }) };
}
