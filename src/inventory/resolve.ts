import type { Inventory, InventoryHost } from './inventory.js';
import { isAddress } from './address.js';
import type { Group, Host, InventoryData, Vars } from './data.js';
import { selectHosts } from './patterns.js';
import { byCodePoint, readText, type VarsFolder } from './vars-files.js';

/** Folders of `group_vars` and `host_vars`, in the order of Ansible's precedence. */
export interface VarsFolders {
  /** Beside each source, in the order of `-i`. */
  readonly inventory: readonly { readonly group: VarsFolder; readonly host: VarsFolder }[];
  /** Beside the playbook. */
  readonly playbook: readonly { readonly group: VarsFolder; readonly host: VarsFolder }[];
}

/** An inventory with what it was made from, for `caravan inventory`. */
export interface LoadedInventory extends Inventory {
  readonly data: InventoryData;
  readonly folders: VarsFolders;
  /** Variables of one group as it defines them, its `group_vars` files over them. */
  ownGroupVars(name: string): Readonly<Vars>;
  /** Variables of one host as it defines them, its `host_vars` files over them. */
  ownHostVars(name: string): Readonly<Vars>;
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

interface HostGroups {
  readonly key: string;
  /** In merge order, without `all`. */
  readonly sorted: readonly Group[];
  readonly names: readonly string[];
}

/**
 * Variables in the order of Ansible's VariableManager (its default `VARIABLE_PRECEDENCE`): all of
 * the sources, their groups by (depth, priority, name), `group_vars/all` beside the sources and
 * beside the playbook, other `group_vars`, then the host's own, then `host_vars`. Hosts of the
 * same groups share the merge of what they share.
 */
export class VarsMerge {
  readonly #data: InventoryData;
  readonly #folders: VarsFolders;
  readonly #groupSets = new Map<string, HostGroups>();
  readonly #merged = new Map<string, Vars>();
  readonly #fileVars = new Map<VarsFolder, Map<string, Vars | undefined>>();

  constructor(data: InventoryData, folders: VarsFolders) {
    this.#data = data;
    this.#folders = folders;
  }

  /** The groups of a host; the same object for hosts of the same groups. */
  groupsOf(host: Host): HostGroups {
    const direct = [...host.memberOf].map((group) => group.name).sort(byCodePoint);
    const key = JSON.stringify(direct);
    const known = this.#groupSets.get(key);
    if (known) return known;
    const groups = [...host.allGroups()].filter((group) => group !== this.#data.all);
    const made = {
      key,
      sorted: groups.sort(byMergeOrder),
      names: groups.map((group) => group.name).sort(byCodePoint),
    };
    this.#groupSets.set(key, made);
    return made;
  }

  /** Merged variables of `all` and of groups in merge order. */
  groupVars(key: string, sorted: readonly Group[]): Vars {
    const known = this.#merged.get(key);
    if (known) return known;
    const { inventory, playbook } = this.#folders;
    const fromFiles = (folders: VarsFolders['inventory'], groups: readonly Group[]) =>
      folders.flatMap(({ group: folder }) => groups.map((group) => this.#file(folder, group.name)));
    const merged = Object.assign(
      {},
      this.#data.all.vars,
      ...sorted.map((group) => group.vars),
      ...fromFiles(inventory, [this.#data.all]),
      ...fromFiles(playbook, [this.#data.all]),
      ...fromFiles(inventory, sorted),
      ...fromFiles(playbook, sorted),
    ) as Vars;
    this.#merged.set(key, merged);
    return merged;
  }

  /** A group's own variables with those of its files. */
  ownGroupVars(name: string): Vars {
    const { inventory, playbook } = this.#folders;
    const files = [...inventory, ...playbook].map(({ group }) => this.#file(group, name));
    return Object.assign({}, this.#data.groups.get(name)?.vars, ...files) as Vars;
  }

  /** A host's own variables with those of its files. */
  hostVars(name: string, own: Vars): Vars {
    const { inventory, playbook } = this.#folders;
    const files = [...inventory, ...playbook].map(({ host }) => host.vars(name));
    return Object.assign({}, own, ...files) as Vars;
  }

  #file(folder: VarsFolder, name: string): Vars | undefined {
    let known = this.#fileVars.get(folder);
    if (!known) this.#fileVars.set(folder, (known = new Map<string, Vars | undefined>()));
    if (!known.has(name)) known.set(name, folder.vars(name));
    return known.get(name);
  }
}

function byMergeOrder(a: Group, b: Group): number {
  return a.depth - b.depth || a.priority - b.priority || byCodePoint(a.name, b.name);
}
