import type { EventSink, HostRecap, HostStatus, RunEvent, ShownError } from '../engine/events.js';
import type { JsonObject } from '../values/json.js';
import type { Paint } from './view.color.js';
import { unifiedDiff, type UnifiedDiff } from './view.diff.js';
import { foldHosts } from './view.fold.js';
import { LeftIn } from './view.left.js';
import { visible } from './view.visible.js';

type HostResult = Extract<RunEvent, { type: 'host-result' }>;

/** What results hold for playbooks, and not for people. */
const UNSHOWN = ['changed', 'failed', 'ansible_facts', 'skipped', 'dest', 'rc'];

/** More hosts than this are folded in the recap, where their counts are the same. */
const MOST_RECAP_LINES = 20;

/** Lines of what a failed command printed. */
const MOST_PRINTED = 10;

/** How much is shown. */
export interface TextOptions {
  /**
   * 0: how tasks ended and what they changed. 1: results of what changed or failed. 2: all results,
   * the place of each task, and why hosts are as asked or skipped. 3: each host by itself, with the
   * time of day. 4: records, and results as JSON.
   */
  readonly verbosity?: number;
}

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

/** What a task says to people, where that is all it did (`debug`, `assert`). */
function message(result: JsonObject, says: boolean): string | undefined {
  const keys = Object.keys(result).filter((key) => !UNSHOWN.includes(key));
  const [key] = keys;
  if (key === undefined || keys.length > 1 || (key !== 'msg' && !says)) return undefined;
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

/** What a failed command printed, besides the standard error that its error holds. */
function printed({ stdout, stderr }: JsonObject): string | undefined {
  const both = typeof stdout === 'string' && stdout !== '' && stderr !== '';
  return both ? `stdout: ${stdout.split('\n').slice(-MOST_PRINTED).join('\n')}` : undefined;
}

/** Text below a result. */
function below(text: string): string {
  const by = ' '.repeat(14);
  return by + visible(text).trimEnd().replaceAll('\n', `\n${by}`);
}

/** An error as lines: kind and message, hint, place. */
export function errorLines(error: ShownError, source?: string): string[] {
  return [
    `[${error.kind}] ${error.message}`,
    ...(error.hint === undefined ? [] : [`hint: ${error.hint}`]),
    ...(source === undefined || source === '' ? [] : [`at: ${source}`]),
  ];
}

function hasSameDiffs(a: HostResult, b: HostResult): boolean {
  return a.changes.every(({ diff }, i) => {
    const other = b.changes[i]?.diff;
    return (
      diff?.path === other?.path && diff?.before === other?.before && diff?.after === other?.after
    );
  });
}

/** Plain lines. Results of a task are held until it ends, and folded where they are the same. */
export class TextView {
  #held: HostResult[] = [];
  #task = '';

  readonly #verbosity: number;
  readonly #leftIn = new LeftIn();
  /** Diffs as they are shown: many hosts change alike. */
  readonly #painted = new WeakMap<readonly string[], string>();

  constructor(
    readonly write: (text: string) => void,
    readonly paint: Paint,
    { verbosity = 0 }: TextOptions = {},
  ) {
    this.#verbosity = verbosity;
  }

  readonly sink: EventSink = (event) => {
    this.#leftIn.follow(event);
    switch (event.type) {
      case 'host-result':
        this.#held.push(event);
        if (this.#verbosity >= 3) this.flush();
        return;
      case 'progress':
        this.line(this.paint.dim(`  ${event.host} | ${visible(event.line)}`));
        return;
      case 'record':
        if (this.#verbosity >= 4)
          this.line(this.paint.dim(`  ${event.host} ${event.name}: ${JSON.stringify(event.data)}`));
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
        this.#taskStart(event);
        return;
      case 'run-end':
        this.flush();
        this.#recap(event);
        this.#left(event);
    }
  };

  line(text: string): void {
    this.write(`${text}\n`);
  }

  #play({ play, hosts, batch }: Extract<RunEvent, { type: 'play-start' }>): void {
    const which = batch.count > 1 ? `, batch ${batch.index + 1} of ${batch.count}` : '';
    this.line(`\n${this.paint.bold(`PLAY [${play}]`)} ${foldHosts(hosts)}${which}`);
  }

  #taskStart({ task, handler, source }: Extract<RunEvent, { type: 'task-start' }>): void {
    this.#task = task;
    const head = this.paint.bold(`${handler ? 'HANDLER' : 'TASK'} [${task}]`);
    this.line(`\n${head}${this.#verbosity >= 2 ? ` ${this.paint.dim(source)}` : ''}`);
  }

  /** What a result has to say, besides its changes and its error. */
  #said({ status, result, says = false }: HostResult): string | undefined {
    if (status === 'skipped' || status === 'unreachable' || result === undefined) return undefined;
    if (this.#verbosity >= 4) return JSON.stringify(result, null, 2);
    if (this.#verbosity >= (status === 'ok' ? 2 : 1)) return whole(result);
    return status === 'failed' ? printed(result) : message(result, says);
  }

  /** Why a host is as asked, or was left out: no news, so only where it is asked for. */
  #why({ status, reason, changes }: HostResult): string | undefined {
    const isNews = status !== 'ok' && status !== 'skipped';
    return changes.length > 0 || (!isNews && this.#verbosity < 2) ? undefined : reason;
  }

  /** Prints the results held, the same ones as one. */
  flush(): void {
    const groups = new Map<string, HostResult[][]>();
    for (const result of this.#held) {
      const { task, status, item, changes, error, ignored } = result;
      const said = [this.#why(result), this.#said(result)];
      const summaries = changes.map(({ summary }) => summary);
      const key = JSON.stringify([task, status, item, summaries, error, ignored, said]);
      const alike = groups.get(key) ?? [];
      groups.set(key, alike);
      // Diffs are long, and mostly the same where the summaries are: no part of the key.
      const same = alike.find(([first]) => first !== undefined && hasSameDiffs(first, result));
      if (same === undefined) alike.push([result]);
      else same.push(result);
    }
    this.#held = [];
    const lines = [...groups.values()].flat().flatMap((group) => this.#group(group));
    // Of many hosts with a diff each: one call of the system, not one a line.
    if (lines.length > 0) this.line(lines.join('\n'));
  }

  /** The lines of results that are the same. */
  #group(group: readonly HostResult[]): string[] {
    const first = group[0] as HostResult;
    const { status, item, changes, error, source, ignored, task, at } = first;
    const reason = this.#why(first);
    const seconds = Math.max(...group.map((result) => result.seconds));
    const hosts = foldHosts(group.map(({ host }) => host));
    const what = [
      // Hosts that run freely are at other tasks than the one that was named last.
      ...(task === this.#task ? [] : [`[${task}]`]),
      ...(item === undefined ? [] : [`(${item})`]),
      // An error names what was done itself.
      ...(changes.length > 0 && error === undefined
        ? [changes.map(({ summary }) => summary).join('; ')]
        : []),
      ...(reason === undefined ? [] : [reason]),
      ...(ignored === true ? ['(ignored)'] : []),
    ].join(' ');
    const time = this.#verbosity >= 3 ? ` at ${at.slice(11, 23)}` : '';
    const head = `  ${status.padEnd(11)} ${hosts}  ${seconds.toFixed(1)}s${time}`;
    const said = this.#said(first) ?? '';
    return [
      `${colour(this.paint, status)(head)}${what === '' ? '' : `  ${what}`}`,
      ...(said === '' ? [] : [below(said)]),
      ...changes.flatMap(({ diff }) => (diff === undefined ? [] : this.#diff(unifiedDiff(diff)))),
      ...(error === undefined
        ? []
        : ignored === true
          ? errorLines(error).slice(0, 1).map(below)
          : errorLines(error, error.source ?? source).map((text) => this.paint.red(below(text)))),
    ];
  }

  #diff({ head, body }: UnifiedDiff): string[] {
    const { red, green, cyan, bold } = this.paint;
    const paint = (line: string): string => {
      const by = { '-': red, '+': green, '@': cyan }[line[0] ?? ''];
      return `    ${by === undefined ? visible(line) : by(visible(line))}`;
    };
    const painted = this.#painted.get(body) ?? body.map(paint).join('\n');
    this.#painted.set(body, painted);
    const headLines = head.map((line) => `    ${bold(visible(line))}`);
    return body.length === 0 ? headLines : [...headLines, painted];
  }

  #recap({ recap, seconds, outcome }: Extract<RunEvent, { type: 'run-end' }>): void {
    const rows = recapRows(recap);
    const width = Math.max(0, ...rows.map(({ hosts }) => hosts.length));
    this.line(`\n${this.paint.bold('RECAP')} ${outcome} in ${seconds.toFixed(1)}s`);
    for (const { hosts, counts } of rows)
      this.line(`${this.#recapHost(hosts.padEnd(width), counts)} : ${counted(counts)}`);
  }

  #left(event: Extract<RunEvent, { type: 'run-end' }>): void {
    const lines = this.#leftIn.lines(event);
    if (event.outcome === 'ok' || lines.length === 0) return;
    this.line(`\n${this.paint.bold('LEFT IN')}`);
    for (const line of lines) this.line(`  ${line}`);
  }

  #recapHost(host: string, counts: HostRecap): string {
    if (counts.failed + counts.unreachable > 0) return this.paint.red(host);
    return counts.changed > 0 ? this.paint.yellow(host) : this.paint.green(host);
  }
}

interface RecapRow {
  readonly hosts: string;
  readonly counts: HostRecap;
}

/** A name whose numbers stand in their order. (Intl.Collator takes longer to load than all else.) */
function inOrder(name: string): string {
  return name.replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}

/** A row a host, in the order of their names; of many hosts a row for those that are alike. */
function recapRows(recap: Readonly<Record<string, HostRecap>>): RecapRow[] {
  const all = Object.entries(recap)
    .map(([host, counts]) => ({ host, counts, order: inOrder(host) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  if (all.length <= MOST_RECAP_LINES)
    return all.map(({ host, counts }) => ({ hosts: host, counts }));
  const alike = new Map<string, { hosts: string[]; counts: HostRecap }>();
  for (const { host, counts } of all) {
    const row = alike.get(counted(counts)) ?? { hosts: [], counts };
    alike.set(counted(counts), row);
    row.hosts.push(host);
  }
  return [...alike.values()].map(({ hosts, counts }) => ({ hosts: foldHosts(hosts), counts }));
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
