import type { EventSink, HostRecap, HostStatus, RunEvent, ShownError } from '../engine/events.js';
import type { JsonObject } from '../values/json.js';
import type { Paint } from './view.color.js';
import { unifiedDiff } from './view.diff.js';
import { foldHosts } from './view.fold.js';

type HostResult = Extract<RunEvent, { type: 'host-result' }>;

/** What results hold for playbooks, and not for people. */
const UNSHOWN = ['changed', 'failed', 'ansible_facts', 'skipped', 'dest', 'rc'];

function colour(paint: Paint, status: HostStatus): (text: string) => string {
  const colours = {
    ok: paint.green,
    changed: paint.yellow,
    skipped: paint.cyan,
    failed: paint.red,
    unreachable: paint.red,
  };
  return colours[status];
}

/** What a task printed, where that is all it did (`debug`). */
function message(result: JsonObject | undefined): string | undefined {
  if (result === undefined || 'stdout' in result) return undefined;
  const keys = Object.keys(result).filter((key) => !UNSHOWN.includes(key));
  const [key] = keys;
  if (key === undefined || keys.length > 1) return undefined;
  const value = result[key];
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return key === 'msg' ? text : `${key}: ${text}`;
}

/** A result as people read it: what was printed as it is, all else by name. */
function whole(result: JsonObject): string {
  const { stdout, stderr, rc } = result;
  if (typeof stdout === 'string') {
    const error = typeof stderr === 'string' && stderr !== '' ? `\nstderr: ${stderr}` : '';
    return `${rc === 0 ? '' : `rc=${JSON.stringify(rc)} `}${stdout}${error}`.trimEnd();
  }
  const shown = Object.entries(result).filter(([key]) => !['changed', 'failed'].includes(key));
  return shown
    .map(([key, value]) =>
      key === 'msg' && typeof value === 'string'
        ? value
        : `${key}: ${typeof value === 'string' ? value : JSON.stringify(value, null, 2)}`,
    )
    .join('\n');
}

function indent(text: string, by: string): string {
  return text.trimEnd().replaceAll('\n', `\n${by}`);
}

/** An error as lines: kind and message, hint, place. */
export function errorLines(error: ShownError, source?: string): string[] {
  return [
    `[${error.kind}] ${error.message}`,
    ...(error.hint === undefined ? [] : [`hint: ${error.hint}`]),
    ...(source === undefined || source === '' ? [] : [`at: ${source}`]),
  ];
}

/** Plain lines. Results of a task are held until it ends, and folded where they are the same. */
export class TextView {
  #held: HostResult[] = [];
  #task = '';

  constructor(
    readonly write: (text: string) => void,
    readonly paint: Paint,
    /** From 1 on, results are shown whole. */
    readonly verbosity = 0,
  ) {}

  readonly sink: EventSink = (event) => {
    switch (event.type) {
      case 'host-result':
        this.#held.push(event);
        return;
      case 'progress':
        this.line(this.paint.dim(`  ${event.host} | ${event.line}`));
        return;
      case 'record':
        return;
      case 'run-start':
        if (event.check) this.line(this.paint.cyan('Dry run: nothing is changed.'));
        return;
      case 'play-start':
        this.flush();
        this.#play(event);
        return;
      case 'task-start':
        this.flush();
        this.#task = event.task;
        this.line(
          `\n${this.paint.bold(`${event.handler ? 'HANDLER' : 'TASK'} [${event.task}]`)} ${this.paint.dim(event.source)}`,
        );
        return;
      case 'run-end':
        this.flush();
        this.#recap(event);
    }
  };

  line(text: string): void {
    this.write(`${text}\n`);
  }

  #play({ play, hosts, batch }: Extract<RunEvent, { type: 'play-start' }>): void {
    const which = batch.count > 1 ? `, batch ${batch.index + 1} of ${batch.count}` : '';
    this.line(`\n${this.paint.bold(`PLAY [${play}]`)} ${foldHosts(hosts)}${which}`);
  }

  /** What a result has to say, besides its changes and its error. */
  #said({ status, result }: HostResult): string | undefined {
    if (status === 'skipped' || status === 'unreachable') return undefined;
    if (this.verbosity > 0 && result !== undefined) return whole(result);
    return status === 'failed' ? undefined : message(result);
  }

  /** Prints the results held, the same ones as one. */
  flush(): void {
    const groups = new Map<string, HostResult[]>();
    for (const result of this.#held) {
      const { status, item, reason, changes, error, ignored } = result;
      const said = this.#said(result);
      const key = JSON.stringify([
        result.task,
        status,
        item,
        reason,
        changes,
        error,
        ignored,
        said,
      ]);
      groups.set(key, [...(groups.get(key) ?? []), result]);
    }
    this.#held = [];
    for (const group of groups.values()) this.#group(group);
  }

  #group(group: readonly HostResult[]): void {
    const first = group[0] as HostResult;
    const { status, item, reason, changes, error, source, ignored, task } = first;
    const seconds = Math.max(...group.map((result) => result.seconds));
    const hosts = foldHosts(group.map(({ host }) => host));
    const what = [
      // Hosts that run freely are at other tasks than the one that was named last.
      ...(task === this.#task ? [] : [`[${task}]`]),
      ...(item === undefined ? [] : [`(${item})`]),
      ...(changes.length > 0 ? [changes.map(({ summary }) => summary).join('; ')] : []),
      ...(reason === undefined || changes.length > 0 ? [] : [reason]),
      ...(ignored === true ? ['(ignored)'] : []),
    ].join(' ');
    const head = `  ${status.padEnd(11)} ${hosts}  ${seconds.toFixed(1)}s`;
    this.line(`${colour(this.paint, status)(head)}${what === '' ? '' : `  ${what}`}`);
    const said = this.#said(first);
    if (said !== undefined && said !== '')
      this.line(`              ${indent(said, ' '.repeat(14))}`);
    for (const { diff } of changes) if (diff !== undefined) this.#diff(unifiedDiff(diff));
    if (error === undefined) return;
    for (const text of errorLines(error, error.source ?? source))
      this.line(this.paint.red(`              ${indent(text, ' '.repeat(14))}`));
  }

  #diff(lines: readonly string[]): void {
    const { red, green, cyan, bold } = this.paint;
    for (const line of lines) {
      const isHead = line.startsWith('--- ') || line.startsWith('+++ ');
      const by = isHead ? bold : { '-': red, '+': green, '@': cyan }[line[0] ?? ''];
      this.line(`    ${by === undefined ? line : by(line)}`);
    }
  }

  #recap({ recap, seconds, outcome }: Extract<RunEvent, { type: 'run-end' }>): void {
    const width = Math.max(0, ...Object.keys(recap).map((host) => host.length));
    this.line(`\n${this.paint.bold('RECAP')} ${outcome} in ${seconds.toFixed(1)}s`);
    for (const [host, counts] of Object.entries(recap))
      this.line(`${this.#recapHost(host.padEnd(width), counts)} : ${counted(counts)}`);
  }

  #recapHost(host: string, counts: HostRecap): string {
    if (counts.failed + counts.unreachable > 0) return this.paint.red(host);
    return counts.changed > 0 ? this.paint.yellow(host) : this.paint.green(host);
  }
}

function counted(counts: HostRecap): string {
  const order = [
    ...(['ok', 'changed', 'unreachable', 'failed', 'skipped', 'rescued', 'ignored'] as const),
  ];
  return order
    .map((status) => `${status}=${String(counts[status]).padEnd(4)}`)
    .join(' ')
    .trimEnd();
}
