import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Probe } from '../../src/evidence/probe.js';
import { startProbeWorker } from '../../src/evidence/probe-worker.js';
import { Secret } from '../../src/values/secret.js';
import { Authority, client } from './authority.js';
import { ApiServer, listen } from './server.js';

const root = join(import.meta.dirname, '../..');
let dir: string;
let script: URL;
let ca: Authority;

/** A worker cannot load TypeScript on Node 20: the two folders that it needs, without types. */
beforeAll(() => {
  ca = new Authority('CA');
  dir = mkdtempSync(join(tmpdir(), 'caravan-worker-'));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  for (const folder of ['evidence', 'values']) {
    mkdirSync(join(dir, folder));
    for (const file of readdirSync(join(root, 'src', folder))) {
      const source = readFileSync(join(root, 'src', folder, file), 'utf8');
      const { outputText } = ts.transpileModule(source, { compilerOptions: options });
      writeFileSync(join(dir, folder, file.replace(/\.ts$/, '.js')), outputText);
    }
  }
  script = pathToFileURL(join(dir, 'evidence', 'probe-thread.js'));
});
afterAll(() => {
  ca.dispose();
  rmSync(dir, { recursive: true });
});

test('startProbeWorker probes from a thread, while this one is busy', async () => {
  const api = new ApiServer(ca.leaf('apiserver'), ca.certificate);
  const target = await listen(api.server);
  const call = { kind: 'get', path: '/version' } as const;
  const closed = { ...target, name: 'closed', port: 1 };
  const withLeaf: Probe = {
    ...{ target, call, intervalMs: 20 },
    client: client('leaf', ca.certificate, ca.leaf('a')),
  };
  const withToken: Probe = {
    ...withLeaf,
    client: { ...client('token', ca.certificate), token: new Secret('t') },
  };
  const worker = await startProbeWorker([withLeaf], { script });
  await worker.add([withToken, { ...withLeaf, target: closed }]);
  await worker.expect('up', (probe) => (probe.target.port === 1 ? 'either' : 'pass'));
  await worker.start();
  const enough = async () => ((await worker.summary()).byClient['token']?.passed ?? 0) >= 3;
  while (!(await enough())) await sleep(5);
  // The server lives in this thread: only the closed port is answered while it is busy.
  const before = (await worker.summary()).byTarget['closed']!.total;
  const busyUntil = performance.now() + 200;
  while (performance.now() < busyUntil);
  expect((await worker.summary()).byTarget['closed']!.total).toBeGreaterThan(before + 1);
  await worker.remove((probe) => probe === withToken);
  await worker.stop();
  const summary = await worker.summary();
  expect(summary).toMatchObject({ overall: { failed: 0 } });
  expect(summary.endedAt).toBeDefined();
  expect(api.seen.some((seen) => seen.authorization === 'Bearer t')).toBe(true);
  await api.close();
});

test('startProbeWorker rejects with input when a PEM cannot be read', async () => {
  const target = {
    name: 'x',
    kind: 'direct',
    address: '127.0.0.1',
    port: 1,
    servername: 'x',
  } as const;
  const broken = client('broken', 'x', { certificate: 'x', key: 'x' });
  const call = { kind: 'get', path: '/' } as const;
  await expect(
    startProbeWorker([{ target, client: broken, call, intervalMs: 10 }], { script }),
  ).rejects.toMatchObject({ kind: 'input' });
});
