import { mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileCache, look } from './file-cache.js';

function inFolder(): (name: string, content: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'caravan-test-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return (name, content) => {
    const path = join(folder, name);
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
    return path;
  };
}

test('FileCache makes something of a file once, and anew when it is another', () => {
  const write = inFolder();
  const sizes: bigint[] = [];
  const cache = new FileCache((_, { size }) => sizes.push(size), 2);
  const paths = ['a', 'b', 'c'].map((name) => write(name, name));
  const ask = (path: string): number => cache.at(path)!;
  expect(paths.slice(0, 2).map(ask)).toEqual([1, 2]);
  expect(paths.slice(0, 2).map(ask)).toEqual([1, 2]);
  write('a', 'same size is no matter');
  expect(ask(paths[0]!)).toBe(3);
  // The one that was read first goes.
  expect([paths[2], paths[0], paths[1]].map((path) => ask(path!))).toEqual([4, 3, 5]);
  expect(sizes).toEqual([1n, 1n, 22n, 1n, 1n]);
});

test('FileCache sees a file that was written in its place, of the same size and date', () => {
  const path = inFolder()('a', 'one');
  const date = new Date(0);
  utimesSync(path, date, date);
  const cache = new FileCache((from) => readFileSync(from, 'utf8'));
  expect(cache.at(path)).toBe('one');
  const { ctimeNs } = look(path)!;
  // Until the clock of the file system has gone on.
  do {
    writeFileSync(path, 'two');
    utimesSync(path, date, date);
  } while (look(path)!.ctimeNs === ctimeNs);
  expect(cache.at(path)).toBe('two');
});

test('FileCache remembers nothing of what could not be made, look finds nothing where nothing is', () => {
  const path = inFolder()('a', 'x');
  let isBroken = true;
  const cache = new FileCache(() => {
    if (isBroken) throw new Error('broken');
    return 'made';
  });
  const found = look(path)!;
  expect(() => cache.of(path, found)).toThrow('broken');
  isBroken = false;
  expect(cache.of(path, found)).toBe('made');
  expect(look(`${path}.none`)).toBeUndefined();
  expect(cache.at(`${path}.none`)).toBeUndefined();
});
