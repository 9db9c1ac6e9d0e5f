import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { RunEvent } from '../../src/engine/events.js';
import type { RunOptions, RunOutcome } from '../../src/engine/options.js';
import { runPlaybook } from '../../src/engine/run.js';
import type { Inventory, InventoryHost } from '../../src/inventory/inventory.js';
import { coreModules } from '../../src/modules/registry.js';
import { createTransport } from '../../src/transport/transport.js';
import type { Connection, Transport } from '../../src/transport/port.js';
import type { Clock } from '../../src/values/clock.js';
import { CaravanError } from '../../src/values/error.js';

/** The machine's clock. */
const clock: Clock = {
  now: () => new Date(),
  timer(ms, act) {
    const timer = setTimeout(act, ms);
    return () => {
      clearTimeout(timer);
    };
  },
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(new CaravanError('cancelled', 'woken'));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/** An inventory of hosts that are all this machine. `gone*` does not answer. */
export function fleet(
  names: readonly string[],
  vars: (name: string) => Record<string, unknown> = () => ({}),
): Inventory {
  const hosts: InventoryHost[] = names.map((name) => ({
    name,
    groups: ['web'],
    vars: { ansible_connection: 'local', inventory_hostname: name, ...vars(name) },
  }));
  const groups = new Map([
    ['all', names],
    ['web', names],
  ]);
  return {
    hosts,
    groups,
    select: (pattern) => {
      const found = hosts.filter(({ name }) => groups.has(pattern) || pattern === name);
      if (found.length > 0) return found;
      throw new CaravanError('input', `no host matches '${pattern}'`);
    },
  };
}

/** The real transport, with hosts `gone*` that do not answer; counts connections. */
export function countingTransport(): Transport & { readonly opened: string[] } {
  const real = createTransport();
  const opened: string[] = [];
  return {
    opened,
    connect: (target, options): Promise<Connection> => {
      opened.push(target.host);
      if (target.host.startsWith('gone'))
        return Promise.reject(new CaravanError('connect', 'no answer', { host: target.host }));
      return real.connect(target, options);
    },
  };
}

/** A folder that is gone when the test is done. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'caravan-engine-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** What a run gave, with all its events. */
export interface Ran extends RunOutcome {
  readonly events: RunEvent[];
  readonly opened: string[];
  readonly folder: string;
  /** `host task status` of each result, in order. */
  readonly results: string[];
}

/** Writes the playbooks to a folder and runs the first. */
export async function run(
  files: string | Record<string, string>,
  options: Partial<RunOptions> = {},
): Promise<Ran> {
  const path = await folder();
  const all = typeof files === 'string' ? { 'site.yml': files } : files;
  for (const [name, text] of Object.entries(all)) await writeFile(join(path, name), text);
  const events: RunEvent[] = [];
  const transport = countingTransport();
  const outcome = await runPlaybook({
    file: join(path, Object.keys(all)[0]!),
    inventory: fleet(['h1', 'h2', 'h3', 'h4']),
    modules: coreModules,
    transport,
    clock,
    workingFolder: path,
    extraVars: { dir: path, ...options.extraVars },
    ...options,
    emit: (event) => {
      events.push(event);
      options.emit?.(event);
    },
  });
  const results = events.flatMap((event) =>
    event.type === 'host-result'
      ? [
          `${event.host} ${event.task}${event.item === undefined ? '' : `(${event.item})`} ${event.status}`,
        ]
      : [],
  );
  return { ...outcome, events, opened: transport.opened, folder: path, results };
}
