import * as fs from 'node:fs';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunEvent } from '../../src/engine/events.js';
import { openJournal } from '../../src/evidence/journal.js';

const event = (line: string): RunEvent => ({
  ...{ type: 'progress', at: '2026-01-01T00:00:00.000Z', task: 't', host: 'h' },
  line,
});
let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'caravan-journal-'));
  path = join(dir, 'runs', 'journal.jsonl');
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

test('openJournal appends one line an event, for its owner only', () => {
  for (const line of ['one\ntwo', 'three']) {
    const journal = openJournal(path);
    journal.sink(event(line));
    journal.close();
    journal.sink(event('after the end'));
    expect(journal.failure()).toBeUndefined();
  }
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    event('one\ntwo'),
    event('three'),
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir, 'runs')).mode & 0o777).toBe(0o700);
});

test('openJournal begins a new line when the last one was cut', () => {
  openJournal(path).close();
  writeFileSync(path, '{"type":"pro');
  const journal = openJournal(path);
  journal.sink(event('next'));
  journal.close();
  const [cut, next] = readFileSync(path, 'utf8').split('\n');
  expect(cut).toBe('{"type":"pro');
  expect(JSON.parse(next!)).toEqual(event('next'));
});

test('Journal keeps the first failed write and does not throw', () => {
  const full = new Error('ENOSPC');
  const writeSync: typeof fs.writeSync = () => {
    throw full;
  };
  const journal = openJournal(path, { ...fs, writeSync });
  journal.sink(event('lost'));
  expect(journal.failure()).toBe(full);
  journal.close();
});

test('Journal keeps the line that a full disk cut apart from the next, and says so', () => {
  let room = 10;
  const writeSync = (fd: number, line: Buffer, from = 0): number => {
    if (room === 0) throw new Error('ENOSPC');
    const written = fs.writeSync(fd, line, from, Math.min(room, line.length - from));
    room -= written;
    return written;
  };
  const journal = openJournal(path, { ...fs, writeSync: writeSync as typeof fs.writeSync });
  journal.sink(event('lost'));
  expect(journal.failure()?.message).toBe('ENOSPC');
  journal.sink(event('lost as a whole'));
  room = 1000;
  journal.sink(event('there is room again'));
  journal.sink(event('and for more'));
  journal.close();
  const [cut, ...rest] = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(cut).toBe('{"type":"p');
  expect(rest.map((line) => JSON.parse(line) as unknown)).toEqual([
    event('there is room again'),
    event('and for more'),
  ]);
});

test('openJournal makes a journal that others could read its owner’s only', () => {
  openJournal(path).close();
  chmodSync(path, 0o644);
  openJournal(path).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('openJournal says privilege when the folder cannot be made', () => {
  writeFileSync(join(dir, 'runs'), '');
  expect(() => openJournal(path)).toThrow(expect.objectContaining({ kind: 'privilege' }));
});
