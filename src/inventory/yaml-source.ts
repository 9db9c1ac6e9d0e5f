import { CaravanError } from '../values/error.js';
import { expandHosts } from './address.js';
import type { Group, InventoryData, Place, SourceFile, Vars } from './data.js';
import { isMapping, kindOf } from './mapping.js';
import { placeOf } from './yaml-text.js';

/** A source that has been read, as the parsers get it. */
export interface SourceText extends SourceFile {
  readonly text: string;
}

/**
 * Reads a parsed YAML inventory (`group: {hosts, vars, children}`) into `data`. Throws a
 * CaravanError of kind `input` with file, line and column for what Ansible refuses; what Ansible
 * skips with a warning becomes a note.
 */
export function readYamlInventory(data: InventoryData, root: unknown, source: SourceText): void {
  if (!isMapping(root)) {
    throw new CaravanError('input', `${source.file} is ${kindOf(root)}, not an inventory`, {
      source: `${source.file}:1:1`,
      hint: 'A YAML inventory is a mapping of groups: all: {hosts: {node1: {}}, children: {...}}.',
    });
  }
  refusePlugin(root, source);
  const reader = new YamlReader(data, source);
  for (const [name, body] of Object.entries(root)) reader.group(name, body, [name]);
}

function refusePlugin(root: Vars, source: SourceText): void {
  const plugin = root['plugin'];
  if (plugin === undefined || plugin === null || plugin === '' || plugin === false) return;
  throw new CaravanError(
    'input',
    `${source.file} configures the inventory plugin "${typeof plugin === 'string' ? plugin : kindOf(plugin)}", which only Ansible runs`,
    {
      source: placeOf(source.text, source.file, ['plugin']),
      hint: `Write its result once and use that: ansible-inventory -i ${source.file} --list > inventory.json`,
    },
  );
}

class YamlReader {
  constructor(
    readonly data: InventoryData,
    readonly source: SourceText,
  ) {}

  group(name: string, body: unknown, path: readonly string[]): Group | undefined {
    const place = this.place(path);
    if (name === '')
      throw new CaravanError('input', 'a group has an empty name', { source: place() });
    if (body !== null && !isMapping(body)) {
      this.data.note(`"${name}" is no group but ${kindOf(body)}; skipped, as Ansible does`, place);
      return this.data.groups.get(name);
    }
    const group = this.data.addGroup(name);
    this.data.define(group, {}, place);
    if (body === null) return group;
    for (const key of ['vars', 'children', 'hosts']) this.section(body, key, name, path);
    for (const [key, raw] of Object.entries(body)) this.part(group, key, raw, [...path, key]);
    return group;
  }

  /** A section is a mapping; one bare name is one too, for a forgotten colon. */
  section(body: Vars, key: string, group: string, path: readonly string[]): void {
    const value = body[key];
    if (value === undefined || value === null || typeof value === 'string' || isMapping(value))
      return;
    throw new CaravanError(
      'input',
      `${key} of group "${group}" is ${kindOf(value)}, not a mapping`,
      {
        source: this.place([...path, key])(),
        hint: `Write each entry as a key with a colon, without a dash:  ${key}: {name: {}}`,
      },
    );
  }

  part(group: Group, key: string, raw: unknown, path: readonly string[]): void {
    const known = key === 'vars' || key === 'children' || key === 'hosts';
    const body = known && typeof raw === 'string' ? { [raw]: null } : raw;
    if (body === null) return;
    if (!known || !isMapping(body)) {
      this.data.note(
        `"${key}" in group "${group.name}" is none of vars, children and hosts; skipped, as Ansible does`,
        this.place(path),
      );
      return;
    }
    for (const [name, value] of Object.entries(body)) {
      const at = [...path, name];
      if (key === 'vars') this.data.setGroupVar(group, name, value, this.place(at));
      else if (key === 'children') this.child(group, name, value, at);
      else this.host(group, name, value, at);
    }
  }

  child(parent: Group, name: string, body: unknown, path: readonly string[]): void {
    const child = this.group(name, body, path);
    const place = this.place(path);
    if (child) {
      this.data.addChild(parent, child, place);
      return;
    }
    throw new CaravanError('input', `child "${name}" of group "${parent.name}" is no group`, {
      source: place(),
    });
  }

  host(group: Group, entry: string, vars: unknown, path: readonly string[]): void {
    const place = this.place(path);
    if (entry === '')
      throw new CaravanError('input', 'a host has an empty name', { source: place() });
    const { names, port } = expandHosts(entry, place);
    const own = vars === null || vars === '' || vars === false || vars === 0 ? {} : vars;
    if (!isMapping(own)) {
      throw new CaravanError(
        'input',
        `host "${entry}" has ${kindOf(vars)} where its variables belong`,
        {
          source: place(),
          hint: `Write  ${entry}: {ansible_host: 192.0.2.1}`,
        },
      );
    }
    const origin = {
      ...this.source,
      place: (variable?: string) =>
        this.place(variable === undefined ? path : [...path, variable])(),
    };
    for (const name of names) this.data.defineHost(name, group, own, origin, port);
  }

  place(path: readonly string[]): Place {
    return () => placeOf(this.source.text, this.source.file, path);
  }
}
