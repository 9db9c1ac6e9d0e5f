import type { Inventory, InventoryHost } from '../inventory/inventory.js';
import type { Source, Vars } from '../playbook/model.js';
import type { LookupCall, Scope, Variable } from '../playbook/scope.js';
import { variableOf } from '../playbook/template.js';
import type { JsonObject } from '../values/json.js';
import { runLookup } from './lookups.js';

/** Variables of an import, with what its loop has bound. */
export interface BoundVars {
  readonly vars: Vars;
  readonly bound: Readonly<Record<string, unknown>>;
}

/** Variables that a play and a task add to those of a host. */
export interface Layers {
  readonly play?: Vars;
  readonly task?: Vars;
  /** Of the play's roles and of the task's own: above the play's variables, and below all. */
  readonly role?: {
    readonly vars: Vars;
    readonly defaults: Vars;
    readonly magic: Readonly<Record<string, unknown>>;
  };
  /** Of the imports around the play, innermost first. */
  readonly imports?: readonly BoundVars[];
  /** Loop item and the task's own result; plain values. */
  readonly locals?: Readonly<Record<string, unknown>>;
  /** `play_hosts` and the like. */
  readonly magic?: Readonly<Record<string, unknown>>;
  /** Whether what tasks have set is not seen, as in the names of `vars_files`. */
  readonly isBeforeTasks?: boolean;
  /** Folders where lookups find files, the nearest first. */
  readonly folders?: readonly string[];
}

/** The controller as a host, where the inventory does not name it. */
export function implicitLocalhost(): InventoryHost {
  return {
    name: 'localhost',
    groups: [],
    vars: { ansible_connection: 'local', inventory_hostname: 'localhost' },
  };
}

const CONTROLLER_NAMES = ['localhost', '127.0.0.1'];

/**
 * Every variable of a run. Order, the later wins, as Ansible has it: inventory, play, block and
 * task, facts and registered results, imports, loop item, extra, and what names the host itself.
 */
export class Variables {
  readonly #hosts: Map<string, InventoryHost>;
  readonly #facts = new Map<string, Record<string, unknown>>();
  readonly #gathered = new Map<string, Record<string, unknown>>();
  readonly #localhost: InventoryHost;

  constructor(
    readonly inventory: Inventory,
    readonly extra: Readonly<Record<string, unknown>>,
    readonly magic: Readonly<Record<string, unknown>>,
  ) {
    this.#hosts = new Map(inventory.hosts.map((host) => [host.name, host]));
    this.#localhost = this.#hosts.get('localhost') ?? implicitLocalhost();
  }

  /** A host by name; `localhost` always exists. */
  host(name: string): InventoryHost | undefined {
    return this.#hosts.get(name) ?? (CONTROLLER_NAMES.includes(name) ? this.#localhost : undefined);
  }

  /** Keeps variables on a host for the rest of the run. */
  setFacts(host: string, facts: JsonObject): void {
    this.#facts.set(host, { ...this.#facts.get(host), ...facts });
  }

  /** Keeps what was gathered of a host: `ansible_facts`, and each fact with `ansible_` before it. */
  setHostFacts(host: string, facts: JsonObject): void {
    this.#gathered.set(host, { ...this.#gathered.get(host), ...facts });
  }

  /** Whether facts of a host were gathered. */
  hasHostFacts(host: string): boolean {
    return Object.keys(this.#gathered.get(host) ?? {}).length > 0;
  }

  /** Forgets what was gathered of a host. */
  clearHostFacts(host: string): void {
    this.#gathered.delete(host);
  }

  facts(): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
    return this.#facts;
  }

  /** What names mean on a host. */
  scope(host: InventoryHost, layers: Layers = {}): Scope {
    return new HostScope(this, host, layers);
  }

  #magic(host: InventoryHost, name: string): unknown {
    switch (name) {
      case 'inventory_hostname':
        return host.name;
      case 'inventory_hostname_short':
        return host.name.split('.')[0];
      case 'group_names':
        return host.groups;
      case 'groups':
        return Object.fromEntries(this.inventory.groups);
      case 'hostvars':
        return this.#allHostVars();
      case 'ansible_facts':
        return this.#gathered.get(host.name) ?? {};
      default:
        return this.magic[name];
    }
  }

  /** Only for a `hostvars` without a subscript. */
  #allHostVars(): Record<string, unknown> {
    return Object.fromEntries(
      this.inventory.hosts.map(({ name, vars }) => [name, { ...vars, ...this.#facts.get(name) }]),
    );
  }

  /** What one name means on a host. */
  lookup(host: InventoryHost, layers: Layers, name: string): Variable | undefined {
    const magic = layers.magic?.[name] ?? layers.role?.magic[name] ?? this.#magic(host, name);
    if (magic !== undefined) return plain(magic);
    if (Object.hasOwn(this.extra, name)) return { value: this.extra[name], template: true };
    if (layers.locals !== undefined && Object.hasOwn(layers.locals, name))
      return plain(layers.locals[name]);
    const { imports, role, play } = layers;
    // There are mostly none, and names are looked up often: no iterator for nothing.
    if (imports !== undefined && imports.length > 0)
      for (const { vars, bound } of imports) {
        if (Object.hasOwn(vars, name)) return { ...located(vars, name), bound };
        if (Object.hasOwn(bound, name)) return plain(bound[name]);
      }
    const facts = layers.isBeforeTasks === true ? undefined : this.#facts.get(host.name);
    if (facts !== undefined && Object.hasOwn(facts, name)) return plain(facts[name]);
    if (layers.task !== undefined && Object.hasOwn(layers.task, name))
      return located(layers.task, name);
    if (role !== undefined && Object.hasOwn(role.vars, name)) return located(role.vars, name);
    if (play !== undefined && Object.hasOwn(play, name)) return located(play, name);
    const gathered = this.#gathered.get(host.name)?.[name.replace(/^ansible_/, '')];
    if (gathered !== undefined && name.startsWith('ansible_')) return plain(gathered);
    if (Object.hasOwn(host.vars, name)) return { value: host.vars[name], template: true };
    return role !== undefined && Object.hasOwn(role.defaults, name)
      ? located(role.defaults, name)
      : undefined;
  }

  /** All names that mean something on a host. */
  names(host: InventoryHost, layers: Layers): string[] {
    const maps: (object | undefined)[] = [
      ...[host.vars, layers.play, layers.task, this.#facts.get(host.name), layers.locals],
      ...[layers.role?.vars, layers.role?.defaults, layers.role?.magic],
      ...(layers.imports ?? []).flatMap(({ vars, bound }) => [vars, bound]),
      ...[this.extra, this.magic, layers.magic],
    ];
    const own = maps.flatMap((map) => (map === undefined ? [] : Object.keys(map)));
    return [...new Set(['inventory_hostname', 'group_names', ...own])];
  }
}

/** A run has many, so it is a class. */
class HostScope implements Scope {
  constructor(
    private readonly variables: Variables,
    private readonly on: InventoryHost,
    private readonly layers: Layers,
  ) {}

  lookup(name: string): Variable | undefined {
    return this.variables.lookup(this.on, this.layers, name);
  }

  names(): string[] {
    return this.variables.names(this.on, this.layers);
  }

  hostScope(name: string): Scope | undefined {
    const host = this.variables.host(name);
    return host === undefined ? undefined : this.variables.scope(host);
  }

  group(name: string): readonly string[] | undefined {
    return this.variables.inventory.groups.get(name);
  }

  plugin(call: LookupCall): unknown[] {
    return runLookup(call, this.layers.folders ?? []);
  }
}

function plain(value: unknown): Variable {
  return { value, template: false };
}

function located(vars: Vars, name: string): Variable {
  const { value, source } = vars[name] as { value: unknown; source: Source };
  return { value, source, template: true };
}

/** A host's variables as an object whose members are resolved when they are read. */
export function lazyVars(scope: Scope): Readonly<Record<string, unknown>> {
  return new Proxy({}, new LazyVars(scope));
}

class LazyVars implements ProxyHandler<Record<string, unknown>> {
  constructor(private readonly scope: Scope) {}

  get(_: object, name: string | symbol): unknown {
    return typeof name === 'string' ? variableOf(name, this.scope) : undefined;
  }

  has(_: object, name: string | symbol): boolean {
    return typeof name === 'string' && this.scope.lookup(name) !== undefined;
  }

  ownKeys(): string[] {
    return [...new Set(this.scope.names())];
  }

  getOwnPropertyDescriptor(_: object, name: string | symbol): PropertyDescriptor | undefined {
    return typeof name === 'string' && this.scope.lookup(name) !== undefined
      ? { enumerable: true, configurable: true, value: variableOf(name, this.scope) }
      : undefined;
  }
}
