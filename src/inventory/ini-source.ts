import { CaravanError } from '../values/error.js';
import { expandHosts } from './address.js';
import type { Group, InventoryData, Place, Vars } from './data.js';
import { readPythonValue } from './python-literal.js';
import { splitLine } from './shell-split.js';
import { shown } from './shown.js';
import type { SourceText } from './yaml-source.js';

const SECTION = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/;
const GROUP_NAME = /^([^:\]\s]+)\s*(?:#.*)?$/;
/** Python's `str.splitlines`. */
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;

/** A group that was named as a child or by its `:vars` before it is declared. */
interface Pending {
  readonly state: 'children' | 'vars';
  readonly place: Place;
  readonly parents: Group[];
}

/**
 * Reads an INI inventory into `data`, by the rules of ansible-core's ini plugin. Throws a
 * CaravanError of kind `input` with file, line and column.
 */
export function readIniInventory(data: InventoryData, source: SourceText): void {
  new IniReader(data, source).read();
}

class IniReader {
  readonly #pending = new Map<string, Pending>();
  #group: Group;
  #state = 'hosts';

  constructor(
    readonly data: InventoryData,
    readonly source: SourceText,
  ) {
    this.#group = data.ungrouped;
  }

  read(): void {
    const lines = this.source.text.replace(/^\ufeff/, '').split(LINE_END);
    lines.forEach((raw, i) => {
      const line = raw.trim();
      if (line === '' || line.startsWith('#') || line.startsWith(';')) return;
      const place = () => `${this.source.file}:${i + 1}:${raw.length - raw.trimStart().length + 1}`;
      const section = SECTION.exec(line);
      if (section) this.#section(section[1] ?? '', section[2] ?? 'hosts', place);
      else if (line.startsWith('[') && line.endsWith(']')) {
        throw fault(
          `"${shown(line)}" is no section`,
          place,
          'A section is [group], [group:vars] or [group:children], without spaces.',
        );
      } else this.#entry(line, place);
    });
    for (const [name, { state, place, parents }] of this.#pending) {
      if (state === 'vars')
        throw fault(
          `[${shown(name)}:vars] is for a group that is nowhere declared`,
          place,
          `Add a section for the group.`,
        );
      throw fault(
        `group "${shown(name)}", a child of "${parents.at(-1)?.name ?? ''}", is nowhere declared`,
        place,
        `Add a section for the group.`,
      );
    }
  }

  #section(name: string, state: string, place: Place): void {
    if (state !== 'hosts' && state !== 'children' && state !== 'vars') {
      throw fault(
        `section [${shown(name)}:${shown(state)}] is neither hosts, vars nor children`,
        place,
      );
    }
    const known = this.data.groups.has(name);
    this.#group = this.data.addGroup(name);
    this.#state = state;
    this.data.define(this.#group, {}, place);
    if (!known && state === 'vars' && !this.#pending.has(name)) {
      this.#pending.set(name, { state, place, parents: [] });
    }
    const pending = this.#pending.get(name);
    if (!pending || state === 'vars') return;
    if (pending.state === 'children') this.#adopt(name, pending);
    else this.#pending.delete(name);
  }

  /** Puts a group that is declared at last under the parents that waited for it. */
  #adopt(name: string, pending: Pending): void {
    this.#pending.delete(name);
    const child = this.data.addGroup(name);
    for (const parent of pending.parents) {
      this.data.addChild(parent, child, pending.place);
      const above = this.#pending.get(parent.name);
      if (above?.state === 'children') this.#adopt(parent.name, above);
    }
  }

  #entry(line: string, place: Place): void {
    if (this.#state === 'hosts') this.#host(line, place);
    else if (this.#state === 'vars') this.#variable(line, place);
    else this.#child(line, place);
  }

  #variable(line: string, place: Place): void {
    const at = line.indexOf('=');
    if (at < 0)
      throw fault(`"${shown(line)}" in [${this.#group.name}:vars] is not key=value`, place);
    const name = line.slice(0, at).trim();
    this.data.setGroupVar(this.#group, name, readPythonValue(line.slice(at + 1).trim()), place);
  }

  #child(line: string, place: Place): void {
    const name = GROUP_NAME.exec(line)?.[1];
    if (name === undefined)
      throw fault(`"${shown(line)}" in [${this.#group.name}:children] is no group name`, place);
    const child = this.data.groups.get(name);
    if (child) {
      this.data.addChild(this.#group, child, place);
      return;
    }
    const pending = this.#pending.get(name);
    if (pending) pending.parents.push(this.#group);
    else this.#pending.set(name, { state: 'children', place, parents: [this.#group] });
  }

  #host(line: string, place: Place): void {
    const words = splitLine(line);
    if (!words) throw fault(`a quote is not closed in: ${shown(line)}`, place);
    const [entry = '', ...assignments] = words;
    const { names, port } = expandHosts(entry, place);
    if (entry === '') throw fault('a host has an empty name', place);
    if (entry.endsWith(':') && port === undefined) {
      throw fault(
        `host "${entry}" ends in a colon`,
        place,
        'A colon stands before a port. YAML inventories end in .yml or .yaml.',
      );
    }
    if (names.includes('---'))
      throw fault('"---" is no host', place, 'If this is YAML, name the file .yml.');
    const vars: Vars = {};
    for (const word of assignments) {
      const at = word.indexOf('=');
      if (at < 0) throw fault(`"${shown(word)}" behind host "${entry}" is not key=value`, place);
      vars[word.slice(0, at)] = readPythonValue(word.slice(at + 1));
    }
    for (const name of names) {
      this.data.defineHost(name, this.#group, vars, { ...this.source, place }, port);
    }
  }
}

function fault(message: string, place: Place, hint?: string): CaravanError {
  return new CaravanError('input', message, {
    source: place(),
    ...(hint !== undefined && { hint }),
  });
}
