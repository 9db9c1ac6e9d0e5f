import { expect, test } from 'vitest';
import type { FileStat } from '../facts/file-stat.js';
import { copy } from './copy.js';
import { command } from './command.js';
import { file } from './file.js';
import { splitWords } from './split-words.js';

const none = { uid: 0, gid: 0, inode: 0, links: 0, atime: 0, mtime: 0, ctime: 0 };
const absent: FileStat = {
  ...{ path: '/f', real: '/f', type: 'absent', mode: 0, user: '', group: '', size: 0 },
  ...none,
};
const there: FileStat = {
  ...{ path: '/f', real: '/f', type: 'file', mode: 0o644, user: 'root', group: 'root', size: 2 },
  ...none,
  content: Buffer.from('a\n'),
};
const folder: FileStat = { ...absent, type: 'directory', mode: 0o755, user: 'root', group: 'root' };

test.each<[string, string, string[]]>([
  ['words', 'a  b\tc', ['a', 'b', 'c']],
  ['quotes', `a 'b c' "d \\"e" f' 'g`, ['a', 'b c', 'd "e', 'f g']],
  ['an empty word', `a ''`, ['a', '']],
  ['a backslash', 'a\\ b', ['a b']],
])('splitWords reads %s', (_name, text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test('splitWords refuses a quote that is not closed', () => {
  expect(() => splitWords(`a 'b`)).toThrow(/not closed/);
});

test.each<[string, FileStat, object, string[], RegExp?]>([
  [
    'makes a folder',
    absent,
    { state: 'directory', mode: '0700' },
    ['create folder /f', 'set mode of /f to 0700'],
  ],
  ['leaves a folder', folder, { state: 'directory', mode: 0o755 }, []],
  ['removes', there, { state: 'absent' }, ['remove /f']],
  ['leaves what is absent', absent, { state: 'absent' }, []],
  ['sets an owner', there, { owner: 'app', group: 'app' }, ['set owner of /f to app:app']],
  ['leaves an owner', there, { owner: 'root' }, []],
  ['refuses a file for a folder', there, { state: 'directory' }, [], /not a folder/],
])('file %s', (_name, seen, given, summaries, failure) => {
  const verdict = file.check(
    { stat: seen, differing: 0 },
    file.input.parse({ path: '/f', ...given }),
  );
  expect(verdict.changes.map(({ summary }) => summary)).toEqual(summaries);
  if (failure === undefined) expect(verdict.failure).toBeUndefined();
  else expect(verdict.failure?.message).toMatch(failure);
});

const seen = (stat: FileStat, text: string, isSecret: boolean) => ({
  files: [{ stat, content: Buffer.from(text), isSecret }],
  folders: [],
  isFolder: false,
});

test.each<[string, FileStat, object, string[]]>([
  ['writes a new file', absent, { content: 'a\n', mode: '0600' }, ['write /f (0600)']],
  ['leaves the same content', there, { content: 'a\n' }, []],
  ['sets only the mode', there, { content: 'a\n', mode: '0600' }, ['set mode of /f to 0600']],
])('copy %s', (_name, stat, given, summaries) => {
  const input = copy.input.parse({ dest: '/f', ...given });
  const verdict = copy.check(seen(stat, 'a\n', false), input);
  expect(verdict.changes.map(({ summary }) => summary)).toEqual(summaries);
});

test('copy shows no text of a secret', () => {
  const input = copy.input.parse({ dest: '/f', content: 'x' });
  const verdict = copy.check(seen(absent, 'x', true), input);
  expect(JSON.stringify(verdict)).toContain('[secret]');
  expect(verdict.changes[0]?.diff).toBeUndefined();
});

test('command does nothing where creates exists', () => {
  const input = command.input.parse({ cmd: 'make x', creates: '/x' });
  const verdict = command.check({ createsExists: true, removesExists: true }, input);
  expect(verdict).toMatchObject({ changes: [], reason: '/x exists' });
});
