import { appendFileSync } from 'node:fs';
import { Command } from 'commander';
import pLimit from 'p-limit';
import { connectionTarget, type ConnectionOverrides } from '../inventory/connection.js';
import { loadInventory } from '../inventory/load.js';
import { appendKnownHosts, knownHostsLine, readKnownHosts } from '../transport/known-hosts.file.js';
import { findKnownHosts, fingerprint, keyType } from '../transport/known-hosts.js';
import type { ScannedKeys } from '../transport/scan.js';
import { createTransport } from '../transport/transport.js';
import { asCaravanError, type CaravanError } from '../values/error.js';
import { EXIT } from './exit.js';
import { append, count } from './option-values.js';
import type { RunStreams } from './run.js';
import { untilStopped } from './system.js';
import { operatorTerminal } from './terminal.js';
import { addVaultOptions, type VaultOptions, vaultPasswordsOf } from './vault-options.js';
import { errorText } from './view.js';

interface ScanOptions extends VaultOptions {
  readonly inventory: readonly string[];
  readonly output?: string;
  readonly add: boolean;
  readonly forks: number;
  readonly timeout?: number;
}

const STREAMS: RunStreams = { out: process.stdout, err: process.stderr };

/** `caravan hosts`: what can be asked of hosts before anybody logs in to them. */
export function hostsCommand(streams: RunStreams = STREAMS): Command {
  const hosts = new Command('hosts').description('host keys, for review');
  return hosts.addCommand(scanCommand(streams));
}

function scanCommand(streams: RunStreams): Command {
  return addVaultOptions(new Command('scan'))
    .description(
      'print the host keys of hosts as lines of known_hosts, and their fingerprints on standard error; nobody logs in',
    )
    .argument('<pattern>', 'hosts of the inventory')
    .requiredOption(
      '-i, --inventory <source>',
      'file, folder, script or list "a,b,"; may be repeated',
      append,
      [],
    )
    .option('--output <file>', 'add the lines to this file instead of printing them')
    .option('--add', "add them to each host's known_hosts file, after listing them", false)
    .option('-f, --forks <count>', 'hosts at the same time', count, 20)
    .option('-T, --timeout <seconds>', 'deadline of each look at a host', count)
    .action(async (pattern: string, options: ScanOptions) => {
      process.exitCode = await untilStopped(
        (line) => streams.err.write(`${line}\n`),
        (signal) => scan(pattern, options, { signal, streams }),
      );
    });
}

/** A host, and what came of looking at it. */
interface Looked {
  readonly host: string;
  readonly found?: ScannedKeys;
  readonly error?: CaravanError;
}

/** Where a scan writes, and what stops it. */
interface ScanContext {
  readonly signal: AbortSignal;
  readonly streams: RunStreams;
}

async function scan(
  pattern: string,
  options: ScanOptions,
  { signal, streams }: ScanContext,
): Promise<number> {
  const inventory = await loadInventory(options.inventory, {
    vaultPasswords: await vaultPasswordsOf(options),
  });
  const terminal = operatorTerminal();
  const transport = createTransport(terminal ? { terminal } : {});
  const inTurn = pLimit(options.forks);
  const overrides: ConnectionOverrides =
    options.timeout === undefined ? {} : { connectTimeoutMs: options.timeout * 1000 };
  const looked = await Promise.all(
    inventory.select(pattern).map((host) =>
      inTurn(async (): Promise<Looked> => {
        try {
          const target = connectionTarget(host, overrides);
          if (target.kind === 'local') return { host: host.name };
          return { host: host.name, found: await transport.scan(target, { signal }) };
        } catch (thrown) {
          return { host: host.name, error: asCaravanError(thrown).at({ host: host.name }) };
        }
      }),
    ),
  );
  const lines = list(looked, streams);
  if (options.output === undefined) streams.out.write(lines.map((line) => `${line}\n`).join(''));
  else appendFileSync(options.output, lines.map((line) => `${line}\n`).join(''));
  if (options.add) for (const { found } of looked) if (found) add(found, streams);
  const failed = looked.filter(({ error }) => error !== undefined);
  if (failed.length === 0) return EXIT.ok;
  streams.err.write(`Not seen: ${failed.map(({ host }) => host).join(', ')}\n`);
  return failed.some(({ error }) => error?.kind === 'cancelled')
    ? EXIT.cancelled
    : EXIT.unreachable;
}

/** Shows fingerprints and errors, and gives the lines of known_hosts, each once. */
function list(looked: readonly Looked[], { err }: RunStreams): string[] {
  const lines = new Set<string>();
  for (const { host, found, error } of looked) {
    if (error) err.write(errorText(error));
    for (const key of found?.keys ?? []) {
      const type = keyType(key) ?? '';
      err.write(
        `${host} ${found?.name ?? ''} ${type} ${fingerprint(key)}${standing(found, key)}\n`,
      );
      lines.add(knownHostsLine(found?.name ?? host, key));
    }
  }
  return [...lines];
}

/** What the known_hosts file says of a key already. */
function standing(found: ScannedKeys | undefined, key: Buffer): string {
  if (found?.file === undefined) return '';
  const known = findKnownHosts(readKnownHosts(found.file), found.name);
  if (known.some((entry) => entry.key.equals(key)))
    return known.some((entry) => entry.key.equals(key) && entry.marker === 'revoked')
      ? ' (REVOKED)'
      : ' (known)';
  const other = known.find((entry) => entry.type === keyType(key) && entry.marker === undefined);
  return other ? ` (NOT the known one: ${other.source})` : '';
}

/** Adds what the file does not hold; a key that differs from the known one is never added. */
function add(found: ScannedKeys, { err }: RunStreams): void {
  const { file, name, keys } = found;
  if (file === undefined) return;
  const fresh = keys.filter((key) => standing(found, key) === '');
  if (fresh.length === 0) return;
  appendKnownHosts(
    file,
    fresh.map((key) => knownHostsLine(name, key)),
  );
  err.write(`Added to ${file}: ${fresh.length} of ${name}\n`);
}
