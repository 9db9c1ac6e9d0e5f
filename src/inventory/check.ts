import { extname, join } from 'node:path';
import { CaravanError } from '../values/error.js';
import { connectionTarget } from './connection.js';
import { USED, WITHOUT_EFFECT } from './connection-catalogue.js';
import type { Host } from './data.js';
import type { InventoryHost } from './inventory.js';
import { nearest } from './nearest.js';
import type { LoadedInventory } from './resolve.js';
import type { VarsFolder } from './vars-files.js';

/** One thing about an inventory that is probably not meant. */
export interface Finding {
  readonly message: string;
  /** `file:line:column`, or the file where there is nothing nearer. */
  readonly place: string;
}

/** The variables of a host with their templates resolved when they are read. */
export type ResolveVars = (host: InventoryHost) => InventoryHost['vars'];

/**
 * What is probably not meant in an inventory that could be read, each with its place. `resolve`
 * says what templates in connection variables come to (default: templates stay text).
 */
export function checkInventory(
  inventory: LoadedInventory,
  resolve: ResolveVars = (host) => host.vars,
): Finding[] {
  return [
    ...inventory.data.notes.map(({ message, place }) => ({ message, place: place() })),
    ...emptyGroups(inventory),
    ...sameNames(inventory),
    ...ungrouped(inventory),
    ...orphanFiles(inventory),
    ...withoutEffect(inventory),
    ...folded(connections(inventory, resolve)),
  ];
}

function emptyGroups(inventory: LoadedInventory): Finding[] {
  const { data } = inventory;
  const filled = [...data.groups.values()].filter((group) => group.allHosts().size > 0);
  return [...data.groups.values()]
    .filter(
      (group) => group !== data.all && group !== data.ungrouped && group.allHosts().size === 0,
    )
    .map((group) => {
      const near = nearest(
        group.name,
        filled.map((other) => other.name),
      );
      const hint = near.length > 0 ? `; did you mean "${near.join('" or "')}"?` : '';
      return {
        message: `group "${group.name}" has no hosts${hint}`,
        place: data.placeOf(group),
      };
    });
}

function sameNames(inventory: LoadedInventory): Finding[] {
  return [...inventory.data.hosts.values()]
    .filter((host) => inventory.data.groups.has(host.name))
    .map((host) => ({
      message: `"${host.name}" is a host and a group; a pattern of that name means the host`,
      place: inventory.data.placeOf(host),
    }));
}

function ungrouped(inventory: LoadedInventory): Finding[] {
  return [...inventory.data.ungrouped.hosts].map((host) => ({
    message: `host "${host.name}" is in no group`,
    place: inventory.data.placeOf(host),
  }));
}

/** Files of variables that count for nothing: usually a slip of the finger. */
function orphanFiles(inventory: LoadedInventory): Finding[] {
  const { data, folders } = inventory;
  return [...folders.inventory, ...folders.playbook].flatMap(({ group, host }) => [
    ...orphansOf(group, 'group', data.groups),
    ...orphansOf(host, 'host', data.hosts),
  ]);
}

function orphansOf(
  folder: VarsFolder,
  what: string,
  names: ReadonlyMap<string, unknown>,
): Finding[] {
  return folder
    .entries()
    .filter((entry) => !entry.startsWith('.') && !entry.endsWith('~'))
    .flatMap((entry) => {
      const name = names.has(entry) ? entry : withoutExtension(entry);
      const place = `${join(folder.path, entry)}:1:1`;
      if (!names.has(name)) {
        const near = nearest(name, names.keys());
        const hint = near.length > 0 ? `; did you mean "${near.join('" or "')}"?` : '';
        return [{ message: `no ${what} is named "${name}"${hint}`, place }];
      }
      const read = folder.entryOf(name);
      return read === entry
        ? []
        : [{ message: `it is not read: "${read ?? ''}" stands for ${what} "${name}"`, place }];
    });
}

function withoutExtension(entry: string): string {
  const extension = extname(entry);
  return ['.yml', '.yaml', '.json'].includes(extension) ? entry.slice(0, -extension.length) : entry;
}

function withoutEffect(inventory: LoadedInventory): Finding[] {
  const { data } = inventory;
  return [...data.groups.values(), ...data.hosts.values()].flatMap((target) =>
    inventory.ownLayers(target).flatMap(({ vars, place }) =>
      Object.keys(vars)
        .filter((name) => Object.hasOwn(WITHOUT_EFFECT, name))
        .map((name) => ({
          message: `${name} of "${target.name}" changes nothing: ${WITHOUT_EFFECT[name] ?? ''}`,
          place: place(name),
        })),
    ),
  );
}

/** One finding for each place: a variable of a group is the same slip for each of its hosts. */
function folded(findings: readonly Finding[]): Finding[] {
  const first = new Map<string, { finding: Finding; more: number }>();
  for (const finding of findings) {
    const known = first.get(finding.place);
    if (known) known.more += 1;
    else first.set(finding.place, { finding, more: 0 });
  }
  return [...first.values()].map(({ finding, more }) => ({
    message: more === 0 ? finding.message : `${finding.message} (and ${more} more hosts)`,
    place: finding.place,
  }));
}

/** Variables that make a host unreachable, and hosts that are reached at one address. */
function connections(inventory: LoadedInventory, resolve: ResolveVars): Finding[] {
  const seen = new Map<string, Host>();
  return inventory.hosts.flatMap((host) => {
    const known = inventory.data.hosts.get(host.name);
    if (!known) return [];
    const placeOf = (...names: readonly string[]) =>
      names.map((name) => inventory.origin(known, name)).find((place) => place !== undefined) ??
      inventory.data.placeOf(known);
    try {
      const {
        kind,
        address,
        port = 22,
      } = connectionTarget({ name: host.name, vars: resolve(host) });
      const key = `${address} port ${port}`;
      const other = kind === 'local' ? undefined : seen.get(key);
      if (other === undefined) seen.set(key, known);
      if (other === undefined || kind === 'local') return [];
      const message = `"${other.name}" and "${host.name}" are both reached at ${key}`;
      return [{ message, place: placeOf(...[...USED.address.names].reverse()) }];
    } catch (thrown) {
      if (!(thrown instanceof CaravanError)) throw thrown;
      const variable = /^\w+/.exec(thrown.message)?.[0] ?? '';
      const { hint } = thrown.detail;
      const message = hint === undefined ? thrown.message : `${thrown.message}. ${hint}`;
      return [{ message, place: placeOf(variable) }];
    }
  });
}
