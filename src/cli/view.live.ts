import type { EventSink, HostStatus, RunEvent } from '../engine/events.js';
import type { Paint } from './view.color.js';
import { regionLines } from './view.region.js';
import { terminalTail, type ViewStream } from './view.tail.js';
import { TextView, type TextOptions } from './view.text.js';
import { visible } from './view.visible.js';

/** The drawn lines are made anew at most this often; a second passes at least this often. */
const [MOST_OFTEN_MS, LEAST_OFTEN_MS] = [100, 1000];

interface AtWork {
  line: string;
  since: number;
}

/** Lines that stay, and below them what is in hand, never higher than the terminal. */
export class LiveView {
  readonly #tail;
  readonly #text: TextView;
  readonly #atWork = new Map<string, AtWork>();
  readonly #done = new Map<HostStatus, string[]>();
  #task = '';
  #total = 0;
  #startedAt = 0;
  #drawnAt = 0;
  #dueAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly stream: ViewStream,
    readonly paint: Paint,
    options: TextOptions,
    readonly now: () => number = Date.now,
  ) {
    this.#tail = terminalTail(stream);
    const write = (text: string): void => {
      this.#tail.above(text);
    };
    this.#text = new TextView(write, paint, options);
  }

  readonly say = (line: string): void => {
    this.#text.line(line);
  };

  readonly sink: EventSink = (event) => {
    this.#follow(event);
    // A line of progress is part of the tail, and gone when its host is done.
    if (event.type !== 'progress') this.#text.sink(event);
    if (event.type === 'run-end') this.#stop();
    else if (this.#atWork.size === 0) this.#draw();
    else this.#drawSoon(MOST_OFTEN_MS - (this.now() - this.#drawnAt));
  };

  #follow(event: RunEvent): void {
    switch (event.type) {
      case 'task-start': {
        // Hosts that run freely begin their tasks one by one.
        if (event.hosts.length > 1 || this.#atWork.size === 0) {
          this.#forget();
          this.#task = event.task;
          this.#startedAt = this.now();
        }
        this.#total += event.hosts.length;
        const since = this.now();
        for (const host of event.hosts) this.#atWork.set(host, { line: '', since });
        return;
      }
      case 'progress':
        this.#tell(event.host, event.line);
        return;
      case 'host-result':
        if (event.item === undefined) this.#finish(event.host, event.status);
        else this.#tell(event.host, `done: ${event.item}`);
        return;
      case 'run-start':
      case 'play-start':
      case 'run-end':
        this.#forget();
        return;
      case 'record':
    }
  }

  #tell(host: string, line: string): void {
    const known = this.#atWork.get(host);
    const since = known === undefined || known.line === '' ? this.now() : known.since;
    this.#atWork.set(host, { line: visible(line).replaceAll('\t', '    '), since });
  }

  #finish(host: string, status: HostStatus): void {
    this.#atWork.delete(host);
    const hosts = this.#done.get(status) ?? [];
    this.#done.set(status, hosts);
    hosts.push(host);
  }

  #forget(): void {
    this.#atWork.clear();
    this.#done.clear();
    this.#total = 0;
  }

  #drawSoon(ms: number): void {
    if (ms <= 0) {
      this.#draw();
      return;
    }
    const dueAt = this.now() + ms;
    if (this.#timer !== undefined && this.#dueAt <= dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#draw();
    }, ms).unref();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drawnAt = this.now();
    if (this.#atWork.size === 0) {
      this.#tail.show([]);
      return;
    }
    const seconds = (since: number): number => (this.now() - since) / 1000;
    const all = [...this.#atWork].map(([host, { line, since }]) => ({ host, line, since }));
    const telling = all.filter(({ line }) => line !== '').sort((a, b) => a.since - b.since);
    const inHand = {
      ...{ task: this.#task, total: this.#total, seconds: seconds(this.#startedAt) },
      telling: telling.map(({ host, line, since }) => ({ host, line, seconds: seconds(since) })),
      silent: all.filter(({ line }) => line === '').map(({ host }) => host),
      done: this.#done,
    };
    this.#tail.show(regionLines(inHand, this.#tail.room(), this.paint));
    this.#drawSoon(LEAST_OFTEN_MS);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tail.clear();
  }
}
