import { terminalTail } from './view.tail.js';
import type { EventSink, RunEvent } from '../engine/events.js';
import type { Paint } from './view.color.js';
import { foldHosts } from './view.fold.js';
import { TextView } from './view.text.js';
import type { ViewStream } from './view.js';

/** Hosts in hand that are shown one by one; more are folded, so the tail stays short. */
const MOST_ROWS = 6;

/** Lines that stay, and below them what is in hand: the task, who is done, who is still at it. */
export class LiveView {
  readonly #tail;
  readonly #text: TextView;
  readonly #waiting = new Map<string, string>();
  #task = '';
  #total = 0;

  constructor(
    readonly stream: ViewStream,
    readonly paint: Paint,
    verbosity: number,
  ) {
    this.#tail = terminalTail(stream);
    this.#text = new TextView(
      (text) => {
        this.#tail.above(text);
      },
      paint,
      verbosity,
    );
  }

  readonly say = (line: string): void => {
    this.#text.line(line);
    this.#draw();
  };

  readonly sink: EventSink = (event) => {
    this.#follow(event);
    // A line of progress is part of the tail, and gone when its host is done.
    if (event.type !== 'progress') this.#text.sink(event);
    if (event.type === 'run-end') this.#tail.clear();
    else this.#draw();
  };

  #follow(event: RunEvent): void {
    if (event.type === 'task-start') {
      this.#task = event.task;
      this.#total = event.hosts.length;
      this.#waiting.clear();
      for (const host of event.hosts) this.#waiting.set(host, '');
    } else if (event.type === 'progress') this.#waiting.set(event.host, event.line);
    else if (event.type === 'host-result') {
      if (event.item === undefined) this.#waiting.delete(event.host);
      else this.#waiting.set(event.host, `done: ${event.item}`);
    } else if (event.type === 'play-start' || event.type === 'run-end') this.#waiting.clear();
  }

  #draw(): void {
    const { dim, cyan } = this.paint;
    if (this.#waiting.size === 0) {
      this.#tail.show([]);
      return;
    }
    const done = this.#total - this.#waiting.size;
    const telling = [...this.#waiting].filter(([, line]) => line !== '').slice(-MOST_ROWS);
    const told = new Set(telling.map(([host]) => host));
    const silent = [...this.#waiting.keys()].filter((host) => !told.has(host));
    this.#tail.show([
      cyan(`  ${this.#task}: ${done} of ${this.#total} done`),
      ...telling.map(([host, line]) => dim(`    ${host} | ${line}`)),
      ...(silent.length > 0 ? [dim(`    ${foldHosts(silent)}`)] : []),
    ]);
  }
}
