import type { HostStatus } from '../engine/events.js';
import type { Paint } from './view.color.js';
import { foldHosts } from './view.fold.js';

/** A host that is at a task, and told something of it. */
export interface Telling {
  readonly host: string;
  readonly line: string;
  /** Since its first line. */
  readonly seconds: number;
}

/** What is in hand, for the lines that are drawn again and again. */
export interface InHand {
  readonly task: string;
  readonly total: number;
  readonly seconds: number;
  /** Those who told something, the longest at it first. */
  readonly telling: readonly Telling[];
  /** Hosts that told nothing yet: at work, or still to come. */
  readonly silent: readonly string[];
  readonly done: ReadonlyMap<HostStatus, readonly string[]>;
}

const ORDER: readonly HostStatus[] = ['failed', 'unreachable', 'changed', 'ok', 'skipped'];

function doneLine(status: HostStatus, hosts: readonly string[], paint: Paint): string {
  const text = `    ${status.padEnd(11)} ${foldHosts(hosts)}`;
  return status === 'failed' || status === 'unreachable' ? paint.red(text) : paint.dim(text);
}

/**
 * The task as a tree of at most `room` lines: who failed, who is longest at it with the last line
 * of each, and all others folded, one line a state.
 */
export function regionLines(inHand: InHand, room: number, paint: Paint): string[] {
  const { task, total, seconds, telling, silent, done } = inHand;
  const finished = [...done.values()].reduce((sum, hosts) => sum + hosts.length, 0);
  const head = paint.cyan(`  ${task}: ${finished} of ${total} done, ${Math.floor(seconds)}s`);
  const states = ORDER.flatMap((status) => {
    const hosts = done.get(status) ?? [];
    return hosts.length === 0 ? [] : [{ status, line: doneLine(status, hosts, paint) }];
  });
  const bad = states.filter(({ status }) => status === 'failed' || status === 'unreachable');
  const good = states.filter((state) => !bad.includes(state)).map(({ line }) => line);
  const fixed = 1 + states.length + 1;
  const shown = telling.slice(0, Math.max(0, Math.floor((room - fixed) / 2)));
  const rest = [...telling.slice(shown.length).map(({ host }) => host), ...silent];
  return [
    head,
    ...bad.map(({ line }) => line),
    ...shown.flatMap(({ host, line, seconds: since }) => [
      `    ${'running'.padEnd(11)} ${host}  ${Math.floor(since)}s`,
      paint.dim(`      ${line}`),
    ]),
    ...(rest.length > 0 ? [paint.dim(`    ${'in hand'.padEnd(11)} ${foldHosts(rest)}`)] : []),
    ...good,
  ].slice(0, room);
}
