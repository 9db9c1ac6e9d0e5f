import { Group, type Host, type InventoryData, type Vars } from './data.js';
import { byCodePoint, type VarsFolder } from './vars-files.js';

/** Folders of `group_vars` and `host_vars`, in the order of Ansible's precedence. */
export interface VarsFolders {
  /** Beside each source, in the order of `-i`. */
  readonly inventory: readonly { readonly group: VarsFolder; readonly host: VarsFolder }[];
  /** Beside the playbook. */
  readonly playbook: readonly { readonly group: VarsFolder; readonly host: VarsFolder }[];
}

/** Variables that one place sets; of several layers the later wins. */
export interface VarsLayer {
  readonly vars: Readonly<Vars>;
  /** `file:line:column` of one of them. */
  readonly place: (variable: string) => string;
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
    const merged = mergeLayers(this.#groupLayers(sorted));
    this.#merged.set(key, merged);
    return merged;
  }

  /** A group's own variables with those of its files. */
  ownGroupVars(name: string): Vars {
    const group = this.#data.groups.get(name);
    return group ? mergeLayers(this.ownLayers(group)) : {};
  }

  /** A host's own variables with those of its files. */
  hostVars(name: string, own: Vars): Vars {
    const files = this.#fromFiles('host', name).map(({ vars }) => vars);
    return Object.assign({}, own, ...files) as Vars;
  }

  /** What a group or host sets itself, its files last. */
  ownLayers(target: Group | Host): VarsLayer[] {
    const kind = target instanceof Group ? 'group' : 'host';
    return [this.#own(target), ...this.#fromFiles(kind, target.name)];
  }

  /** All that makes the variables of a host. */
  layersOf(host: Host): VarsLayer[] {
    return [...this.#groupLayers(this.groupsOf(host).sorted), ...this.ownLayers(host)];
  }

  #groupLayers(sorted: readonly Group[]): VarsLayer[] {
    const { inventory, playbook } = this.#folders;
    const fromFiles = (folders: VarsFolders['inventory'], groups: readonly Group[]) =>
      folders.flatMap(({ group: folder }) =>
        groups.flatMap((group) => this.#fromFile(folder, group.name)),
      );
    return [
      ...[this.#data.all, ...sorted].map((group) => this.#own(group)),
      ...fromFiles(inventory, [this.#data.all]),
      ...fromFiles(playbook, [this.#data.all]),
      ...fromFiles(inventory, sorted),
      ...fromFiles(playbook, sorted),
    ];
  }

  #own(target: Group | Host): VarsLayer {
    return { vars: target.vars, place: (variable) => this.#data.placeOf(target, variable) };
  }

  #fromFiles(kind: 'group' | 'host', name: string): VarsLayer[] {
    const { inventory, playbook } = this.#folders;
    return [...inventory, ...playbook].flatMap((pair) => this.#fromFile(pair[kind], name));
  }

  #fromFile(folder: VarsFolder, name: string): VarsLayer[] {
    const vars = this.#file(folder, name);
    if (vars === undefined) return [];
    return [{ vars, place: (variable) => folder.place(name, variable) ?? folder.path }];
  }

  #file(folder: VarsFolder, name: string): Vars | undefined {
    let known = this.#fileVars.get(folder);
    if (!known) this.#fileVars.set(folder, (known = new Map<string, Vars | undefined>()));
    if (!known.has(name)) known.set(name, folder.vars(name));
    return known.get(name);
  }
}

function mergeLayers(layers: readonly VarsLayer[]): Vars {
  return Object.assign({}, ...layers.map(({ vars }) => vars)) as Vars;
}

function byMergeOrder(a: Group, b: Group): number {
  return a.depth - b.depth || a.priority - b.priority || byCodePoint(a.name, b.name);
}
