import type { EventSink, RunEvent } from '../engine/events.js';

type HostResult = Extract<RunEvent, { type: 'host-result' }>;

function escaped(text: string): string {
  return text
    .replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '');
}

function testCase({
  host,
  task,
  item,
  source,
  seconds,
  status,
  reason,
  error,
  ignored,
}: HostResult) {
  const name = item === undefined ? task : `${task} (${item})`;
  const [file = '', line = ''] = source.split(':');
  const head = `    <testcase classname="${escaped(host)}" name="${escaped(name)}" time="${seconds.toFixed(3)}" file="${escaped(file)}" line="${escaped(line)}"`;
  if (status === 'skipped')
    return `${head}><skipped message="${escaped(reason ?? '')}"/></testcase>`;
  if (error === undefined || ignored === true) return `${head}/>`;
  const message = [error.message, ...(error.hint === undefined ? [] : [error.hint])].join('\n');
  return `${head}><failure type="${error.kind}" message="${escaped(error.message)}">${escaped(message)}</failure></testcase>`;
}

function suite(play: string, results: readonly HostResult[]): string[] {
  const count = (wanted: (one: HostResult) => boolean): number => results.filter(wanted).length;
  const failures = count(({ error, ignored }) => error !== undefined && ignored !== true);
  const skipped = count(({ status }) => status === 'skipped');
  const seconds = results.reduce((sum, one) => sum + one.seconds, 0);
  return [
    `  <testsuite name="${escaped(play)}" tests="${results.length}" failures="${failures}" skipped="${skipped}" time="${seconds.toFixed(3)}">`,
    ...results.map(testCase),
    '  </testsuite>',
  ];
}

/** A run as one JUnit document, written at its end: a suite a play, a case a task and host. */
export function junitSink(write: (text: string) => void): EventSink {
  const plays = new Map<string, HostResult[]>();
  return (event) => {
    if (event.type === 'host-result')
      plays.set(event.play, [...(plays.get(event.play) ?? []), event]);
    if (event.type !== 'run-end') return;
    const suites = [...plays].flatMap(([play, results]) => suite(play, results));
    const lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites];
    write(`${[...lines, '</testsuites>'].join('\n')}\n`);
  };
}
