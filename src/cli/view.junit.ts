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
  // A host that did not answer says nothing of the task.
  const element = status === 'unreachable' ? 'error' : 'failure';
  return `${head}><${element} type="${error.kind}" message="${escaped(error.message)}">${escaped(message)}</${element}></testcase>`;
}

function counts(results: readonly HostResult[]): string {
  const count = (wanted: (one: HostResult) => boolean): number => results.filter(wanted).length;
  const isBad = ({ error, ignored }: HostResult): boolean =>
    error !== undefined && ignored !== true;
  const errors = count((one) => isBad(one) && one.status === 'unreachable');
  const failures = count(isBad) - errors;
  const seconds = results.reduce((sum, one) => sum + one.seconds, 0);
  return `tests="${results.length}" failures="${failures}" errors="${errors}" time="${seconds.toFixed(3)}"`;
}

function suite(play: string, results: readonly HostResult[]): string[] {
  const skipped = results.filter(({ status }) => status === 'skipped').length;
  const [timestamp = ''] = (results[0]?.at ?? '').split('.');
  return [
    `  <testsuite name="${escaped(play)}" ${counts(results)} skipped="${skipped}" timestamp="${timestamp}">`,
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
    const head = `<testsuites ${counts([...plays.values()].flat())}>`;
    const lines = ['<?xml version="1.0" encoding="UTF-8"?>', head, ...suites];
    write(`${[...lines, '</testsuites>'].join('\n')}\n`);
  };
}
