import type { Inventory, InventoryHost } from './inventory.js';
import { isAddress } from './address.js';
import type { Group, Host, InventoryData, Vars } from './data.js';
import { selectHosts } from './patterns.js';
import { readText } from './vars-files.js';
import { type VarsFolders, type VarsLayer, VarsMerge } from './vars-merge.js';

/** An inventory with what it was made from, for `caravan inventory`. */
export interface LoadedInventory extends Inventory {
  readonly data: InventoryData;
  readonly folders: VarsFolders;
  /** Variables of one group as it defines them, its `group_vars` files over them. */
  ownGroupVars(name: string): Readonly<Vars>;
  /** Variables of one host as it defines them, its `host_vars` files over them. */
  ownHostVars(name: string): Readonly<Vars>;
  /** What a group or host sets itself, its files last. */
  ownLayers(target: Group | Host): readonly VarsLayer[];
  /** `file:line:column` of what sets a variable of a host in the end; undefined where nothing does. */
  origin(host: Host, variable: string): string | undefined;
}

class ResolvedHost implements InventoryHost {
  #vars: Vars | undefined;

  constructor(
    readonly name: string,
    readonly groups: readonly string[],
    private readonly merge: () => Vars,
  ) {}

  get vars(): Vars {
    return (this.#vars ??= this.merge());
  }
}

/** Turns what was read into hosts with variables. Variables are merged when first asked for. */
export function resolveInventory(
  data: InventoryData,
  folders: VarsFolders,
  unmatched?: (part: string) => void,
): LoadedInventory {
  const merge = new VarsMerge(data, folders);
  const ordered = [...data.all.allHosts()];
  const byHost = new Map(ordered.map((host) => [host, resolveHost(host, merge)]));
  const byName = new Map(
    [...data.hosts.keys()].map((name) => [
      name,
      byHost.get(data.hosts.get(name) as Host) as InventoryHost,
    ]),
  );
  const members = new Map(
    [...data.groups].map(([name, group]) => [
      name,
      [...group.allHosts()].map((host) => byHost.get(host) as InventoryHost),
    ]),
  );
  let localhost: InventoryHost | undefined;
  return {
    data,
    folders,
    ownGroupVars: (name) => merge.ownGroupVars(name),
    ownHostVars: (name) => merge.hostVars(name, data.hosts.get(name)?.vars ?? {}),
    ownLayers: (target) => merge.ownLayers(target),
    origin: (host, variable) =>
      merge
        .layersOf(host)
        .findLast(({ vars }) => Object.hasOwn(vars, variable))
        ?.place(variable),
    hosts: [...byHost.values()],
    groups: new Map([...members].map(([name, hosts]) => [name, hosts.map((host) => host.name)])),
    select: (pattern) =>
      selectHosts(pattern, {
        hosts: byName,
        groups: members,
        implicitLocalhost: (name) => (localhost ??= implicitLocalhost(name, merge)),
        readLines: (file) => readText(file).split('\n'),
        ...(unmatched && { unmatched }),
      }),
  };
}

function resolveHost(host: Host, merge: VarsMerge): InventoryHost {
  const { key, sorted, names } = merge.groupsOf(host);
  return new ResolvedHost(host.name, names, () => ({
    ...merge.groupVars(key, sorted),
    ...merge.hostVars(host.name, host.vars),
    ...magic(host.name, names),
  }));
}

function implicitLocalhost(name: string, merge: VarsMerge): InventoryHost {
  const own = { ansible_connection: 'local', inventory_file: null, inventory_dir: null };
  return new ResolvedHost(name, [], () => ({
    ...merge.groupVars('', []),
    ...merge.hostVars(name, own),
    ...magic(name, []),
  }));
}

function magic(name: string, groups: readonly string[]): Vars {
  return {
    inventory_hostname: name,
    inventory_hostname_short: isAddress(name) ? name : (name.split('.')[0] ?? name),
    group_names: groups,
  };
}
