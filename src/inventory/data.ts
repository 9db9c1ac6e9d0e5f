import { CaravanError } from '../values/error.js';

/** Variables by name. */
export type Vars = Record<string, unknown>;

/** Gives `file:line:column`; a function, because finding it costs a parse and few are asked. */
export type Place = () => string;

/** Something that a source says and that is skipped or doubtful, but no error. */
export interface Note {
  readonly message: string;
  readonly place: Place;
}

/** What one place of one source sets. */
export interface Definition {
  readonly names: readonly string[];
  /** Where the variable of this name stands; without one, where the whole is defined. */
  readonly place: (name?: string) => string;
}

/** Where a host is first named: its `inventory_file` and `inventory_dir`. */
export interface SourceFile {
  readonly file: string;
  readonly folder: string;
}

/** The same, with the place of the definition and of each of its variables. */
export interface HostSource extends SourceFile {
  readonly place: (name?: string) => string;
}

/** A group while sources are read. Made by {@link InventoryData} only. */
export class Group {
  readonly children: Group[] = [];
  readonly parents: Group[] = [];
  readonly hosts = new Set<Host>();
  vars: Vars = {};
  depth = 0;
  priority = 1;

  constructor(readonly name: string) {}

  /** All groups above this one, without itself. */
  ancestors(): Set<Group> {
    return reach(this.parents, (group) => group.parents);
  }

  /** All groups below this one, without itself, nearest first. */
  descendants(): Set<Group> {
    return reach(this.children, (group) => group.children);
  }

  /** Hosts of this group and of its descendants, each once, nearest group first. */
  allHosts(): Set<Host> {
    const hosts = new Set(this.hosts);
    for (const group of this.descendants()) for (const host of group.hosts) hosts.add(host);
    return hosts;
  }
}

/** A host while sources are read. Made by {@link InventoryData} only. */
export class Host {
  /** Groups that name it, not their ancestors. */
  readonly memberOf = new Set<Group>();
  vars: Vars = {};

  constructor(readonly name: string) {}

  /** Its groups and all their ancestors, `all` among them. */
  allGroups(): Set<Group> {
    const groups = new Set(this.memberOf);
    for (const group of this.memberOf) for (const above of group.ancestors()) groups.add(above);
    return groups;
  }
}

function reach(start: readonly Group[], next: (group: Group) => readonly Group[]): Set<Group> {
  const seen = new Set(start);
  for (const group of seen) for (const other of next(group)) seen.add(other);
  return seen;
}

/**
 * What the sources say so far. The same rules as ansible-core's `InventoryData`: `all` and
 * `ungrouped` always are, a group knows how deep it is, a loop is an error.
 */
export class InventoryData {
  readonly groups = new Map<string, Group>();
  readonly hosts = new Map<string, Host>();
  readonly notes: Note[] = [];
  /** Who is defined where, for `--check`. */
  readonly definitions = new Map<Group | Host, Definition[]>();
  readonly all = this.addGroup('all');
  readonly ungrouped = this.addGroup('ungrouped');

  constructor() {
    this.addChild(this.all, this.ungrouped, () => 'built in');
  }

  /** The group of this name, made when it is new. */
  addGroup(name: string): Group {
    const known = this.groups.get(name);
    if (known) return known;
    const group = new Group(name);
    this.groups.set(name, group);
    return group;
  }

  /** The host of this name, made when it is new; `source` is kept as its `inventory_file`. */
  addHost(name: string, source: SourceFile): Host {
    const known = this.hosts.get(name);
    if (known) return known;
    const host = new Host(name);
    host.vars['inventory_file'] = source.file;
    host.vars['inventory_dir'] = source.folder;
    this.hosts.set(name, host);
    return host;
  }

  /** Remembers where variables of a group or host stand. */
  define(target: Group | Host, vars: Vars, place: (name?: string) => string): void {
    const known = this.definitions.get(target);
    const definition = { names: Object.keys(vars), place };
    if (known) known.push(definition);
    else this.definitions.set(target, [definition]);
  }

  /** Where a group or host is defined, or where the variable that wins among its own is set. */
  placeOf(target: Group | Host, variable?: string): string {
    const definitions = this.definitions.get(target) ?? [];
    const found =
      variable === undefined
        ? definitions[0]
        : definitions.findLast(({ names }) => names.includes(variable));
    return found?.place(variable) ?? 'a source without lines';
  }

  /** Remembers something doubtful, for `--check` and warnings. */
  note(message: string, place: Place): void {
    this.notes.push({ message, place });
  }

  /** Puts a host into a group. */
  addMember(group: Group, host: Host): void {
    group.hosts.add(host);
    host.memberOf.add(group);
  }

  /** A host with variables, put into a group; `port` counts only where the host is new. */
  defineHost(name: string, group: Group, vars: Vars, source: HostSource, port?: number): void {
    const fresh = !this.hosts.has(name);
    const host = this.addHost(name, source);
    if (fresh && port) host.vars['ansible_port'] = port;
    this.addMember(group, host);
    Object.assign(host.vars, vars);
    this.define(host, vars, source.place);
  }

  /** Puts one group under another. Throws a CaravanError of kind `input` where that makes a loop. */
  addChild(parent: Group, child: Group, place: Place): void {
    if (parent === child || child.descendants().has(parent)) {
      throw new CaravanError(
        'input',
        `group "${child.name}" cannot be a child of "${parent.name}": ${loop(parent, child)}`,
        { source: place(), hint: 'Remove one of these children.' },
      );
    }
    if (parent.children.includes(child)) return;
    parent.children.push(child);
    child.parents.push(parent);
    this.#deepen(child, parent.depth + 1);
  }

  #deepen(group: Group, depth: number): void {
    if (group.depth >= depth) return;
    group.depth = depth;
    for (const child of group.children) this.#deepen(child, depth + 1);
  }

  /** Sets a group variable; `ansible_group_priority` is the group's own and no variable. */
  setGroupVar(group: Group, name: string, value: unknown, place: Place): void {
    this.define(group, { [name]: value }, place);
    if (name !== 'ansible_group_priority') {
      group.vars[name] = value;
      return;
    }
    const priority = toInteger(value);
    if (priority === undefined) {
      throw new CaravanError(
        'input',
        `ansible_group_priority of group "${group.name}" is not a whole number`,
        { source: place() },
      );
    }
    group.priority = priority;
  }

  /** Last step after all sources: every group is under `all`, every host in some group. */
  reconcile(): void {
    for (const group of this.groups.values()) {
      if (group !== this.all && group.parents.length === 0) {
        this.addChild(this.all, group, () => 'built in');
      }
    }
    for (const host of this.hosts.values()) {
      const others = [...host.memberOf].filter((g) => g !== this.all && g !== this.ungrouped);
      if (others.length === 0) this.addMember(this.ungrouped, host);
      else if (host.memberOf.delete(this.ungrouped)) this.ungrouped.hosts.delete(host);
    }
  }
}

function toInteger(value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number' && Number.isFinite(value)) return Math.trunc(value);
  if (typeof value === 'string' && /^\s*[-+]?\d+\s*$/.test(value)) return Number(value);
  return undefined;
}

function loop(parent: Group, child: Group): string {
  const path = [child.name];
  let at = child;
  while (at !== parent) {
    const next = at.children.find((g) => g === parent || g.descendants().has(parent));
    if (!next) break;
    path.push(next.name);
    at = next;
  }
  return `${path.join(' > ')} > ${child.name} is a loop`;
}
