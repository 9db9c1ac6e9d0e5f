import { expect, test } from 'vitest';
import type { RunEvent } from '../engine/events.js';
import { CaravanError } from '../values/error.js';
import { paint } from './view.color.js';
import { unifiedDiff } from './view.diff.js';
import { foldHosts } from './view.fold.js';
import { regionLines } from './view.region.js';
import { terminalTail } from './view.tail.js';
import { TextView } from './view.text.js';
import { createView, errorText } from './view.js';
import { visible } from './view.visible.js';

test.each<[string, string[], string]>([
  ['runs of numbers', ['w01', 'w02', 'w03', 'db1'], 'w[01-03], db1'],
  ['gaps', ['w1', 'w2', 'w4', 'w9', 'w10'], 'w[1-2,4,9-10]'],
  ['domains', ['w1.x', 'w2.x', 'w2.y'], 'w[1-2].x, w2.y'],
  ['plain names', ['alpha', 'beta'], 'alpha, beta'],
  [
    'names of a site',
    ['node01.dc1.example.com', 'node02.dc1.example.com', 'node01.dc2.example.com'],
    'node[01-02].dc1.example.com, node01.dc2.example.com',
  ],
  ['addresses', ['10.0.0.7', '10.0.0.8', '10.0.1.8'], '10.0.0.[7-8], 10.0.1.8'],
])('foldHosts folds %s', (_name, hosts, folded) => {
  expect(foldHosts(hosts)).toBe(folded);
});

test('unifiedDiff shows changes with their context', () => {
  const before = 'a\nb\nc\nd\ne\nf\ng\n';
  expect(unifiedDiff({ path: '/f', before, after: before.replace('e\n', 'E\nE2\n') })).toEqual({
    head: ['--- /f', '+++ /f'],
    body: ['@@ -2,6 +2,7 @@', ' b', ' c', ' d', '-e', '+E', '+E2', ' f', ' g'],
  });
  expect(unifiedDiff({ path: '/f', after: 'x\n' })).toEqual({
    head: ['--- /dev/null', '+++ /f'],
    body: ['@@ -0,0 +1,1 @@', '+x'],
  });
});

const at = '2026-01-01T00:00:00.000Z';
const result = {
  type: 'host-result',
  at,
  play: 'p',
  task: 't',
  source: 'p.yml:2:3',
  seconds: 0.1,
} as const;
const counts = {
  ...{ ok: 1, changed: 1, skipped: 0, failed: 0, unreachable: 0, rescued: 0, ignored: 0 },
};
const failure = { ...counts, ok: 0, changed: 0, failed: 1 };
const EVENTS: RunEvent[] = [
  { type: 'play-start', at, play: 'p', hosts: ['w1', 'w2', 'w3'], batch: { index: 0, count: 2 } },
  {
    type: 'task-start',
    at,
    play: 'p',
    task: 't',
    source: 'p.yml:2:3',
    hosts: ['w1'],
    handler: false,
  },
  { ...result, host: 'w1', status: 'changed', changes: [{ summary: 'write /a' }] },
  { ...result, host: 'w2', status: 'changed', changes: [{ summary: 'write /a' }] },
  {
    ...result,
    host: 'w3',
    status: 'failed',
    changes: [],
    error: { kind: 'command', message: 'it broke', hint: 'mend it' },
  },
  { type: 'run-end', at, outcome: 'failed', seconds: 1, recap: { w3: failure, w1: counts } },
];

test('TextView folds the same results of several hosts', () => {
  let text = '';
  const view = new TextView((more) => (text += more), paint(false));
  EVENTS.forEach(view.sink);
  expect(text.split('\n')).toEqual([
    ...['', 'PLAY [p] w[1-3], batch 1 of 2', '', 'TASK [t]'],
    '  changed     w[1-2]  0.1s  write /a',
    '  failed      w3  0.1s',
    '              [command] it broke',
    '              hint: mend it',
    '              at: p.yml:2:3',
    ...['', 'RECAP failed in 1.0s'],
    'w1 : ok=1    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0',
    'w3 : ok=0    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0',
    ...['', 'LEFT IN', '  w3: failed at [t] p.yml:2:3; nothing was changed', ''],
  ]);
});

test('TextView shows a result unasked only where it is for people', () => {
  let text = '';
  const view = new TextView((more) => (text += more), paint(false));
  const ok = { ...result, status: 'ok', changes: [] } as const;
  view.sink({ ...ok, host: 'w1', result: { stat: { exists: true }, changed: false } });
  view.sink({ ...ok, host: 'w2', result: { name: 'a', changed: false }, says: true });
  view.sink({ ...ok, host: 'w3', result: { msg: 'all is well', changed: false } });
  view.flush();
  const lines = text.split('\n').map((line) => line.trim().replace('[t] ', ''));
  expect(lines.filter((line) => line !== '' && !line.startsWith('ok'))).toEqual([
    'name: a',
    'all is well',
  ]);
});

test('createView writes each event as a line of JSON', () => {
  let text = '';
  const view = createView({
    format: 'json',
    diff: false,
    stream: { write: (more) => (text += more) },
  });
  EVENTS.forEach(view.sink);
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(EVENTS);
});

test('terminalTail is never higher than the terminal', () => {
  const written: string[] = [];
  const tail = terminalTail({ write: (text) => written.push(text), rows: 6, columns: 10 });
  tail.show(['1', '2', '3', 'a line that is too long']);
  tail.above('stays\n');
  tail.clear();
  const drawn = '\u001b[?7l1\n2\n\u001b[?7h';
  const erased = '\r\u001b[2A\u001b[0J';
  expect(written).toEqual([drawn, `${erased}stays\n${drawn}`, erased]);
});

test('regionLines shows failures and the longest at work, and folds all others', () => {
  const telling = ['w2', 'w1', 'w9'].map((host, i) => ({ host, line: `at ${i}`, seconds: 9 - i }));
  const inHand = {
    ...{ task: 't', total: 500, seconds: 12.3, telling, silent: ['w3', 'w4'] },
    done: new Map([
      ['ok' as const, ['w5', 'w6', 'w7']],
      ['failed' as const, ['w8']],
    ]),
  };
  expect(regionLines(inHand, 8, paint(false))).toEqual([
    '  t: 4 of 500 done, 12s',
    '    failed      w8',
    '    running     w2  9s',
    '      at 0',
    '    running     w1  8s',
    '      at 1',
    '    in hand     w[3-4,9]',
    '    ok          w[5-7]',
  ]);
  expect(regionLines(inHand, 2, paint(false))).toEqual([
    ...['  t: 4 of 500 done, 12s', '    failed      w8'],
  ]);
});

test.each([
  ['moves the cursor', 'a\u001b[2Jb', 'ab'],
  ['writes over itself', '10%\r20%\r\nnext', '20%\nnext'],
])('visible takes what %s out of a text', (_name, text, shown) => {
  expect(visible(text)).toBe(shown);
});

test('errorText names kind, hint and place', () => {
  const error = new CaravanError('input', 'no', { hint: 'do', source: 'p.yml:1:2' });
  expect(errorText(error)).toBe('[input] no\n  hint: do\n  at: p.yml:1:2\n');
});
