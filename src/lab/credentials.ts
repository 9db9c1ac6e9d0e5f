import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { exists } from './cache.js';
import { STATE_FOLDER } from './places.js';
import { program } from './program.js';
import type { LabContext, LabHost } from './types.js';

/** Keys of a lab: one that opens all hosts, and each host's own. */
export interface Credentials {
  /** OpenSSH private key file of the operator, mode 0600. */
  readonly privateKey: string;
  readonly publicKey: string;
  /** One line a host, in the form of known_hosts. */
  readonly knownHosts: string;
  /** OpenSSH private key file of a host. */
  readonly hostKey: (host: LabHost) => string;
}

const KEYS = path.join(STATE_FOLDER, 'keys');

/** The lab's keys: those there, and new ones for what has none. */
export async function labCredentials(
  ctx: LabContext,
  hosts: readonly LabHost[],
): Promise<Credentials> {
  await mkdir(KEYS, { recursive: true, mode: 0o700 });
  const operator = path.join(KEYS, 'operator');
  const hostKey = (host: LabHost): string => path.join(KEYS, `host-${host.name}`);
  await keyPair(ctx, operator, 'caravan-lab');
  const lines: string[] = [];
  for (const host of hosts) {
    await keyPair(ctx, hostKey(host), host.name);
    const [kind, key] = (await readFile(`${hostKey(host)}.pub`, 'utf8')).split(' ');
    lines.push(`${host.name},${host.address} ${kind ?? ''} ${key ?? ''}`);
  }
  return {
    privateKey: operator,
    publicKey: await readFile(`${operator}.pub`, 'utf8'),
    knownHosts: `${lines.join('\n')}\n`,
    hostKey,
  };
}

async function keyPair(ctx: LabContext, file: string, comment: string): Promise<void> {
  if ((await exists(file)) && (await exists(`${file}.pub`))) return;
  for (const stale of [`${file}.new`, `${file}.new.pub`]) await rm(stale, { force: true });
  await program(ctx, [
    'ssh-keygen',
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    comment,
    '-f',
    `${file}.new`,
  ]);
  await rename(`${file}.new.pub`, `${file}.pub`);
  await rename(`${file}.new`, file);
}
