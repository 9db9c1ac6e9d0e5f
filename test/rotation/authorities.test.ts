import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAuthority } from '../../src/pki/authority.js';
import { newSerial } from '../../src/pki/serial.js';
import type { ModuleContext } from '../../src/modules/module.js';
import { authoritiesPrepare } from '../../src/rotation/modules/authorities-prepare.js';
import { AuthorityStore } from '../../src/rotation/authorities.js';
import { validity } from '../../src/rotation/leaves.js';

let folder: string;
let store: AuthorityStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caravan-authorities-'));
  store = new AuthorityStore(folder);
  for (const name of ['cluster', 'front-proxy'] as const)
    for (const generation of ['old', 'new'] as const)
      await store.save(name, generation, made(`${name}-${generation}`));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function made(commonName: string) {
  const { certificate, key } = createAuthority({
    commonName,
    keyAlgorithm: 'ecdsa-p256',
    serial: newSerial(randomBytes),
    ...validity(new Date(), 10),
  });
  return { pem: certificate.pem, key };
}

const at = (path: string): string => join(folder, 'authorities', path);

async function expectBegun(): Promise<void> {
  const { cluster, 'front-proxy': frontProxy } = await store.load();
  expect(cluster?.old.certificate.subject).toContain('cluster-new');
  expect(frontProxy?.old.certificate.subject).toContain('front-proxy-new');
  expect([cluster?.new, frontProxy?.new]).toEqual([undefined, undefined]);
  expect(cluster?.old.key).toBeDefined();
  expect(existsSync(join(folder, 'leaves'))).toBe(false);
}

test('another rotation begins with the new authorities as the old ones', async () => {
  await store.saveLeaves('cp1', [{ item: 'a leaf', generation: 'old', pem: 'PEM' }]);
  await store.begin();
  await expectBegun();
});

test('a beginning that was killed is ended by who reads next', async () => {
  await store.saveLeaves('cp1', [{ item: 'a leaf', generation: 'old', pem: 'PEM' }]);
  // As a kill leaves it: one authority moved, of the other the key alone.
  writeFileSync(join(folder, 'beginning'), '');
  for (const file of ['cluster/new.key', 'cluster/new.crt', 'front-proxy/new.key'])
    renameSync(at(file), at(file.replace('new', 'old')));
  await expectBegun();
});

test('a new authority without its key leaves none behind', async () => {
  rmSync(at('cluster/new.key'));
  await store.begin();
  const { cluster } = await store.load();
  expect(cluster?.old.certificate.subject).toContain('cluster-new');
  expect(cluster?.old.key).toBeUndefined();
});

test('the key of another authority is refused', async () => {
  renameSync(at('cluster/new.key'), at('cluster/old.key'));
  await expect(store.load()).rejects.toThrow('old.key: it is not the key of the certificate');
});

test('an authority without its key is refused before a host changes', async () => {
  rmSync(at('cluster/old.key'));
  const module = authoritiesPrepare(store);
  const context = {} as ModuleContext; // no change needs a host
  const prepare = (authority: 'cluster' | 'front-proxy') =>
    module.apply([], { authorities: [authority], from: '', days: 1 }, context);
  await expect(prepare('cluster')).rejects.toThrow(
    'The key of the cluster old CA is needed and not in the state folder',
  );
  await expect(prepare('front-proxy')).resolves.toEqual({});
});
