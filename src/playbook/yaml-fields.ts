import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { didYouMean } from './nearest.js';
import type { Condition, Located, Vars } from './model.js';
import type { YamlSource } from './yaml-source.js';

interface Field {
  readonly key: Node;
  readonly value: unknown;
}

/** A value's type in the words of YAML. */
export function yamlType(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? `'${value}'` : `${typeof value} ${JSON.stringify(value)}`;
}

/** A mapping of a playbook, read key by key with errors that name the place. */
export class YamlFields {
  readonly #fields = new Map<string, Field>();

  /** @throws CaravanError input where the node is no mapping. */
  constructor(
    readonly yaml: YamlSource,
    readonly node: unknown,
    readonly what: string,
  ) {
    const map = yaml.deref(node);
    if (!isMap(map))
      throw yaml.fail(node, `${what} must be a mapping; found ${yamlType(yaml.value(node))}`);
    for (const { key, value } of map.items)
      this.#fields.set(String(isScalar(key) ? key.value : key), { key: key as Node, value });
  }

  /** The keys, in order. */
  keys(): string[] {
    return [...this.#fields.keys()];
  }

  has(key: string): boolean {
    return this.#fields.has(key);
  }

  /** The node of a key's value. */
  child(key: string): unknown {
    return this.#fields.get(key)?.value;
  }

  /** Where a key stands. */
  keyNode(key: string): unknown {
    return this.#fields.get(key)?.key ?? this.node;
  }

  /** @throws CaravanError input at the first key that is not valid. */
  allow(valid: readonly string[], shown: Iterable<string> = valid): void {
    for (const key of this.keys()) {
      if (valid.includes(key)) continue;
      throw this.yaml.fail(
        this.keyNode(key),
        `${this.what}: unknown key '${key}'`,
        didYouMean(key, shown),
      );
    }
  }

  /** The plain value of a key, undefined where the key is not there. */
  raw(key: string): unknown {
    return this.has(key) ? this.yaml.value(this.child(key)) : undefined;
  }

  #wrong(key: string, needed: string): Error {
    const found = yamlType(this.raw(key));
    return this.yaml.fail(
      this.child(key) ?? this.keyNode(key),
      `${this.what}: '${key}' must be ${needed}; found ${found}`,
    );
  }

  string(key: string): string | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw this.#wrong(key, 'a string');
  }

  number(key: string): number | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === 'number') return value;
    if (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value)) return Number(value);
    throw this.#wrong(key, 'a number');
  }

  boolean(key: string): boolean | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.#wrong(key, 'true or false');
  }

  /** A string or a list of strings; absent is empty. A comma divides where `commas` says so. */
  strings(key: string, commas = false): Located<string>[] {
    if (!this.has(key)) return [];
    const node = this.yaml.deref(this.child(key));
    const items = isSeq(node) ? node.items : [node];
    return items.flatMap((item) => {
      const value = this.yaml.value(item);
      if (typeof value !== 'string' && typeof value !== 'number')
        throw this.#wrong(key, 'a string or a list of strings');
      const parts = commas ? String(value).split(',') : [String(value)];
      return parts.map((part) => ({ value: part.trim(), source: this.yaml.at(item) }));
    });
  }

  /** One condition or a list of them, all of which must hold. */
  conditions(key: string): Condition[] {
    if (!this.has(key)) return [];
    const node = this.yaml.deref(this.child(key));
    return (isSeq(node) ? node.items : [node]).map((item) => {
      const value = this.yaml.value(item);
      if (typeof value !== 'string' && typeof value !== 'boolean')
        throw this.#wrong(key, 'an expression or a list of them');
      return { value, source: this.yaml.at(item) };
    });
  }

  /** The value of a key with its place, undefined where the key is not there. */
  located(key: string): Located | undefined {
    if (!this.has(key)) return undefined;
    return { value: this.raw(key), source: this.yaml.at(this.child(key)) };
  }

  /** A mapping of variables. */
  vars(key: string): Vars {
    if (!this.has(key) || this.raw(key) === null) return {};
    return new YamlFields(this.yaml, this.child(key), `${this.what}: '${key}'`).ownVars();
  }

  /** All of it as variables. @throws CaravanError input at a name that is none. */
  ownVars(): Vars {
    return Object.fromEntries(
      this.keys().map((name) => {
        if (!/^[A-Za-z_]\w*$/.test(name))
          throw this.yaml.fail(this.keyNode(name), `'${name}' is no variable name`);
        return [name, this.located(name) as Located];
      }),
    );
  }
}
