import {
  defineScalarTag,
  dump,
  DUMP_SCHEMA,
  floatCoreTag,
  floatYaml11Tag,
  NOT_RESOLVED,
} from 'js-yaml';
import { CaravanError } from '../values/error.js';
import type { Group, Vars } from './data.js';
import type { InventoryHost } from './inventory.js';
import { nearest } from './nearest.js';
import {
  printable,
  type PrintOptions,
  pythonJson,
  pythonText,
  sortedEntries,
} from './python-text.js';
import type { LoadedInventory } from './resolve.js';
import { byCodePoint } from './vars-files.js';

/** Variables that Ansible sets itself and `ansible-inventory` leaves out (INTERNAL_STATIC_VARS). */
const INTERNAL = new Set(
  (
    'ansible_async_path ansible_collection_name ansible_config_file ansible_dependent_role_names ' +
    'ansible_diff_mode ansible_facts ansible_forks ansible_inventory_sources ansible_limit ' +
    'ansible_play_batch ansible_play_hosts ansible_play_hosts_all ansible_play_role_names ' +
    'ansible_playbook_python ansible_role_name ansible_role_names ansible_run_tags ' +
    'ansible_skip_tags ansible_verbosity ansible_version inventory_dir inventory_file ' +
    'inventory_hostname inventory_hostname_short groups group_names hostvars playbook_dir ' +
    'play_hosts role_name role_names role_path role_uuid'
  ).split(' '),
);

const isWhole = (value: unknown) => Number.isSafeInteger(value) && !Object.is(value, -0);

/** js-yaml's schema for writing, with numbers of any size; its own refuses 5e20. */
const PRINT_SCHEMA = DUMP_SCHEMA.withTags(
  defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
    implicit: true,
    resolve: (source) => (/^[-+]?[0-9][0-9_:a-fA-FxXob]*$/.test(source) ? 0 : NOT_RESOLVED),
    identify: (value) => typeof value === 'bigint' || isWhole(value),
  }),
  defineScalarTag<number>('tag:yaml.org,2002:float', {
    implicit: true,
    resolve: (source, isExplicit, name) => {
      const value = floatYaml11Tag.resolve(source, isExplicit, name);
      return value === NOT_RESOLVED ? floatCoreTag.resolve(source, isExplicit, name) : value;
    },
    identify: (value) => typeof value === 'number' && !isWhole(value),
    represent: (value: number) =>
      Number.isInteger(value) && value !== 0
        ? value.toExponential().replace(/^(-?\d)e/, '$1.0e')
        : floatYaml11Tag.represent(value),
  }),
);

/** What is printed and how. */
export interface ListOptions extends PrintOptions {
  /** Only these hosts (`--limit`); their groups are shown all the same. */
  readonly hosts?: readonly InventoryHost[];
  /** Variables where they are defined instead of merged into the hosts (`--export`). */
  readonly export?: boolean;
  /** YAML instead of JSON. */
  readonly yaml?: boolean;
}

/** `ansible-inventory --list`. */
export function printList(inventory: LoadedInventory, options: ListOptions = {}): string {
  const hosts = options.hosts ?? inventory.hosts;
  const tree = new ListPrinter(inventory, hosts, options);
  if (options.yaml) return yaml(tree.yaml(inventory.data.all), options);
  const meta = { hostvars: tree.hostVars(), profile: 'inventory_legacy' };
  return pythonJson(
    { ...tree.json(inventory.data.all), _meta: meta },
    { ...options, markUnsafe: true },
  );
}

/** `ansible-inventory --host NAME`. */
export function printHost(
  inventory: LoadedInventory,
  name: string,
  options: ListOptions = {},
): string {
  const hosts = inventory.select(name);
  const [host] = hosts;
  if (hosts.length !== 1 || !host) {
    throw new CaravanError('input', `--host takes one host; "${name}" names ${hosts.length}`);
  }
  const vars = shownVars(inventory, host, options);
  return options.yaml ? yaml(vars, options) : pythonJson(vars, options);
}

/** `ansible --list-hosts PATTERN`. */
export function printHosts(hosts: readonly InventoryHost[]): string {
  return [`  hosts (${hosts.length}):`, ...hosts.map((host) => `    ${host.name}`)].join('\n');
}

/** `ansible-inventory --graph [GROUP] [--vars]`. */
export function printGraph(
  inventory: LoadedInventory,
  start: string,
  options: PrintOptions & { readonly vars?: boolean } = {},
): string {
  const group = inventory.data.groups.get(start);
  if (!group) {
    const near = nearest(start, inventory.groups.keys());
    const hint = near.length > 0 ? `Did you mean "${near.join('" or "')}"?` : undefined;
    throw new CaravanError('input', `there is no group "${start}" to draw`, {
      ...(hint !== undefined && { hint }),
    });
  }
  const byName = new Map(inventory.hosts.map((host) => [host.name, host]));
  const lines: string[] = [];
  const put = (name: string, depth: number) => {
    lines.push(depth === 0 ? name : `${'  |'.repeat(depth)}--${name}`);
  };
  const putVars = (vars: Vars, depth: number) => {
    if (!options.vars) return;
    for (const name of Object.keys(vars).sort(byCodePoint)) {
      put(`{${name} = ${pythonText(vars[name], options)}}`, depth);
    }
  };
  const draw = (at: Group, depth: number) => {
    put(`@${at.name}:`, depth);
    for (const child of at.children) draw(child, depth + 1);
    for (const { name } of at === inventory.data.all ? [] : at.hosts) {
      put(name, depth + 1);
      const host = byName.get(name);
      if (host) putVars(shownVars(inventory, host, {}), depth + 2);
    }
    putVars(groupVars(inventory, at), depth + 1);
  };
  draw(group, 0);
  return lines.join('\n');
}

function yaml(value: unknown, options: PrintOptions): string {
  const whole = plain(printable(value, options));
  return dump(whole, { schema: PRINT_SCHEMA, noRefs: true, lineWidth: -1 }).trimEnd();
}

/** Sorted maps as objects, which keep that order for all names but whole numbers. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries(
    sortedEntries(value as Map<string, unknown>).map(([key, item]) => [key, plain(item)]),
  );
}

function withoutInternal(vars: Readonly<Vars>): Vars {
  return Object.fromEntries(Object.entries(vars).filter(([name]) => !INTERNAL.has(name)));
}

function shownVars(inventory: LoadedInventory, host: InventoryHost, options: ListOptions): Vars {
  return withoutInternal(options.export ? inventory.ownHostVars(host.name) : host.vars);
}

function groupVars(inventory: LoadedInventory, group: Group): Vars {
  const vars = { ...inventory.ownGroupVars(group.name) };
  if (group.priority !== 1) vars['ansible_group_priority'] = group.priority;
  return withoutInternal(vars);
}

class ListPrinter {
  readonly #available: ReadonlyMap<string, InventoryHost>;
  readonly #seenGroups = new Set<Group>();
  readonly #seenHosts = new Set<string>();

  constructor(
    readonly inventory: LoadedInventory,
    readonly hosts: readonly InventoryHost[],
    readonly options: ListOptions,
  ) {
    this.#available = new Map(hosts.map((host) => [host.name, host]));
  }

  hostVars(): Vars {
    const all = this.hosts.map(
      (host) => [host.name, shownVars(this.inventory, host, this.options)] as const,
    );
    return Object.fromEntries(all.filter(([, vars]) => Object.keys(vars).length > 0));
  }

  json(group: Group): Vars {
    const parts: Vars = {};
    const hosts = this.#hostsOf(group);
    for (const child of group.children) {
      if (this.#seenGroups.has(child)) continue;
      Object.assign(parts, this.json(child));
      this.#seenGroups.add(child);
    }
    const children = group.children.map((child) => child.name);
    const body = this.#body(group, hosts, children, children.length > 0);
    return body ? { ...parts, [group.name]: body } : parts;
  }

  yaml(group: Group): Vars {
    const children: Vars = {};
    for (const child of group.children) {
      if (this.#seenGroups.has(child)) children[child.name] = {};
      else Object.assign(children, this.yaml(child));
      this.#seenGroups.add(child);
    }
    const hosts: Vars = {};
    for (const name of this.#hostsOf(group)) {
      const host = this.#seenHosts.has(name) ? undefined : this.#available.get(name);
      hosts[name] = host ? shownVars(this.inventory, host, this.options) : {};
      this.#seenHosts.add(name);
    }
    const any = Object.keys(children).length > 0;
    const body = this.#body(group, hosts, children, any);
    return body ? { [group.name]: body } : {};
  }

  #hostsOf(group: Group): string[] {
    if (group === this.inventory.data.all) return [];
    return [...group.hosts].map((host) => host.name).filter((name) => this.#available.has(name));
  }

  #body(group: Group, hosts: object, children: unknown, anyChild: boolean): Vars | undefined {
    const vars = this.options.export ? groupVars(this.inventory, group) : {};
    const body = {
      ...(Object.keys(hosts).length > 0 && { hosts }),
      ...(anyChild && { children }),
      ...(Object.keys(vars).length > 0 && { vars }),
    };
    return Object.keys(body).length > 0 ? body : undefined;
  }
}
