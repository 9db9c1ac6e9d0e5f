import type { EventSink } from '../engine/events.js';
import type { CaravanError } from '../values/error.js';
import { paint } from './view.color.js';
import { junitSink } from './view.junit.js';
import { LiveView } from './view.live.js';
import type { ViewStream } from './view.tail.js';
import { errorLines, TextView } from './view.text.js';

/** `text` for people; for programs `json`, one event a line, or `junit`, one document. */
export type OutputFormat = 'text' | 'json' | 'junit';

/** How a run is shown. */
export interface ViewOptions {
  readonly format: OutputFormat;
  /** Whether the run was asked for diffs; they then come with the events. */
  readonly diff: boolean;
  /** As {@link TextOptions} says (default: 0). */
  readonly verbosity?: number;
  /** Default: standard output. */
  readonly stream?: ViewStream;
  /** Colours (default: on a terminal, unless NO_COLOR is set). */
  readonly colour?: boolean;
}

/** A subscriber that shows a run. */
export interface View {
  readonly sink: EventSink;
  /** One line that is not an event, for the person who watches. */
  readonly say: (line: string) => void;
}

/** The view of a run: plain lines, with a live tail on a terminal; or JSON lines. */
export function createView(options: ViewOptions): View {
  const stream: ViewStream = options.stream ?? process.stdout;
  const write = (text: string): void => {
    stream.write(text);
  };
  if (options.format === 'json')
    return {
      sink: (event) => {
        write(`${JSON.stringify(event)}\n`);
      },
      say: (line) => process.stderr.write(`${line}\n`),
    };
  if (options.format === 'junit')
    return { sink: junitSink(write), say: (line) => process.stderr.write(`${line}\n`) };
  const isTerminal = stream.isTTY === true;
  const colours = paint(options.colour ?? (isTerminal && !process.env['NO_COLOR']));
  if (isTerminal) {
    const live = new LiveView(stream, colours, options);
    return { sink: live.sink, say: live.say };
  }
  const view = new TextView(write, colours, options);
  return {
    sink: view.sink,
    say: (line) => {
      view.line(line);
    },
  };
}

/** An error that ended a command, as text for a terminal. */
export function errorText(error: CaravanError): string {
  const { hint, source, host } = error.detail;
  const shown = {
    kind: error.kind,
    message: host === undefined ? error.message : `${host}: ${error.message}`,
    ...(hint === undefined ? {} : { hint }),
  };
  const lines = errorLines(shown, source).map((line, i) => (i === 0 ? line : `  ${line}`));
  const stack =
    error.kind === 'bug' && error.cause instanceof Error ? [error.cause.stack ?? ''] : [];
  return `${[...lines, ...stack].join('\n')}\n`;
}
