import type { Source } from './model.js';

/** A variable as a scope holds it. */
export interface Variable {
  readonly value: unknown;
  /** Where it stands, if in a playbook. */
  readonly source?: Source;
  /** Whether text in it is a template. What hosts print never is. */
  readonly template: boolean;
  /** Names that mean something else in this variable's template (the item of an import's loop). */
  readonly bound?: Readonly<Record<string, unknown>>;
}

/** One call of `lookup` or `query`. */
export interface LookupCall {
  readonly name: string;
  readonly terms: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
  /** What names mean where the call stands. */
  readonly scope: Scope;
}

/** What the names in an expression mean. */
export interface Scope {
  lookup(name: string): Variable | undefined;
  /** All names, for hints and for a whole `hostvars[x]`. */
  names(): Iterable<string>;
  /** The scope of another host, for `hostvars`. */
  hostScope(host: string): Scope | undefined;
  /** Hosts of a group, for `groups`. */
  group(name: string): readonly string[] | undefined;
  /** What `lookup(name, ...)` gives: a list. Absent where a template may not look elsewhere. */
  plugin?(call: LookupCall): unknown[];
}

/** A scope in which some names are bound to plain values. */
export function withBound(scope: Scope, bound: Readonly<Record<string, unknown>>): Scope {
  return {
    lookup: (name) =>
      Object.hasOwn(bound, name) ? { value: bound[name], template: false } : scope.lookup(name),
    names: () => [...Object.keys(bound), ...scope.names()],
    hostScope: (host) => scope.hostScope(host),
    group: (name) => scope.group(name),
    ...(scope.plugin === undefined ? {} : { plugin: (call) => scope.plugin?.(call) ?? [] }),
  };
}
