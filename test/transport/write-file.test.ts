import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Connection } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { Secret } from '../../src/values/secret.js';
import { startSshd, type Sshd } from './sshd.js';

let sshd: Sshd;
let connection: Connection;
let folder: string;
let count = 0;
beforeAll(async () => {
  sshd = await startSshd();
  connection = await createTransport().connect(sshd.target());
});
beforeEach(() => {
  folder = join(sshd.folder, `files ${count++}`);
  mkdirSync(folder);
});
afterAll(async () => {
  await connection.close();
  await sshd.stop();
});
const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

test('writeFile puts bytes in place, 5 MiB too, and leaves nothing beside them', async () => {
  const content = randomBytes(5 * 1024 * 1024);
  const path = join(folder, "it's $HOME.bin");
  await connection.writeFile({ path, content: new Secret(content), mode: 0o600 });
  const found = createHash('sha256').update(readFileSync(path)).digest('hex');
  expect(found).toBe(createHash('sha256').update(content).digest('hex'));
  expect(modeOf(path)).toBe('600');
  expect(readdirSync(folder)).toEqual(["it's $HOME.bin"]);
});

test('writeFile gives a new file 0644 and an old one the mode and owner it had', async () => {
  const path = join(folder, 'a');
  await connection.writeFile({ path, content: 'one' });
  expect(modeOf(path)).toBe('644');
  chmodSync(path, 0o640);
  const asRoot = userInfo().uid === 0;
  if (asRoot) chownSync(path, 1234, 4321);
  await connection.writeFile({ path, content: '' });
  expect(readFileSync(path, 'utf8')).toBe('');
  expect(modeOf(path)).toBe('640');
  if (!asRoot) return;
  expect(statSync(path)).toMatchObject({ uid: 1234, gid: 4321 });
  await connection.writeFile({ path, content: 'x', mode: 0o4755, owner: '5:6' });
  expect(statSync(path)).toMatchObject({ uid: 5, gid: 6 });
  expect(modeOf(path)).toBe('4755');
});

test('writeFile replaces a link itself and keeps what it pointed at', async () => {
  const [target, path] = [join(folder, 'target'), join(folder, 'link')];
  writeFileSync(target, 'old', { mode: 0o600 });
  symlinkSync(target, path);
  await connection.writeFile({ path, content: 'new' });
  expect(lstatSync(path).isSymbolicLink()).toBe(false);
  expect(modeOf(path)).toBe('600');
  expect(readFileSync(target, 'utf8')).toBe('old');
});

test('writeFile leaves the old file and no other when it fails', async () => {
  const path = join(folder, 'a');
  writeFileSync(path, 'old');
  const write = connection.writeFile({ path, content: 'new', owner: 'no-such-user' });
  await expect(write).rejects.toMatchObject({
    kind: 'command',
    message: expect.stringMatching(/could not be written.*no-such-user/s) as string,
    detail: { host: 'web01' },
  });
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['a']);
  mkdirSync(join(folder, 'd'));
  await expect(connection.writeFile({ path: join(folder, 'd'), content: '' })).rejects.toThrow(
    'is a folder',
  );
  expect(readdirSync(join(folder, 'd'))).toEqual([]);
});

test('writeFile and sendFile take a name as long as names can be', async () => {
  const path = join(folder, 'n'.repeat(255));
  await connection.writeFile({ path, content: 'x' });
  expect(readFileSync(path, 'utf8')).toBe('x');
  const from = join(folder, 'source');
  writeFileSync(from, 'large');
  const sha256 = createHash('sha256').update('large').digest('hex');
  await connection.sendFile({ path, source: { path: from, size: 5, sha256 } });
  expect(readFileSync(path, 'utf8')).toBe('large');
  expect(readdirSync(folder).length).toBe(2);
});

test('writeFile keeps its temporary file in another folder, of the same file system only', async () => {
  const aside = join(folder, 'aside');
  const watched = join(folder, 'watched');
  mkdirSync(aside);
  mkdirSync(watched, { mode: 0o700 });
  const path = join(watched, 'a');
  await connection.writeFile({ path, content: 'x', temporaryFolder: aside });
  expect(readdirSync(aside)).toEqual([]);
  expect(readFileSync(path, 'utf8')).toBe('x');
  const elsewhere = connection.writeFile({ path, content: 'y', temporaryFolder: '/dev/shm' });
  if (statSync('/dev/shm').dev === statSync(watched).dev) return;
  await expect(elsewhere).rejects.toThrow('not on the file system');
  expect(readFileSync(path, 'utf8')).toBe('x');
});

test('writeFile shows a reader the old bytes or the new ones, never a part', async () => {
  const path = join(folder, 'a');
  const [one, two] = ['1'.repeat(300_000), '2'.repeat(300_000)];
  await connection.writeFile({ path, content: one });
  const state = { writing: true };
  const writes = (async () => {
    for (let i = 0; i < 6; i++) await connection.writeFile({ path, content: i % 2 ? one : two });
    state.writing = false;
  })();
  while (state.writing) {
    expect([one, two].includes(readFileSync(path, 'utf8'))).toBe(true);
    await new Promise(setImmediate);
  }
  await writes;
});
