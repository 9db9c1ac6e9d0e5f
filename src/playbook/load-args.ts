import type { AnyModule } from '../modules/module.js';
import { keyValues, takeKeyValues } from './key-values.js';
import type { Args, Source } from './model.js';
import { didYouMean } from './nearest.js';
import { yamlType, type YamlFields } from './yaml-fields.js';

/** The modules that a playbook may name. */
export type ModuleTable = ReadonlyMap<string, AnyModule>;

/** `ansible.builtin.copy` is `copy`. */
export function shortName(key: string): string {
  return key.replace(/^ansible\.(builtin|legacy)\./, '');
}

/**
 * The key of a task that names its module.
 * @throws CaravanError input where there is none, more than one, or a key that is neither.
 */
export function moduleKey(
  fields: YamlFields,
  names: Iterable<string>,
  taskKeys: readonly string[],
): string {
  const modules = new Set(names);
  const others = fields.keys().filter((key) => !taskKeys.includes(key));
  const named = others.filter((key) => modules.has(shortName(key)));
  const unknown = others.find((key) => !named.includes(key));
  const refused = others.find((key) => ['async', 'poll'].includes(key));
  if (refused !== undefined)
    throw fields.yaml.fail(
      fields.keyNode(refused),
      `${fields.what}: '${refused}' is not there: a task is waited for`,
      "'timeout' gives it a deadline in seconds; lines of a long command are shown as they come",
    );
  if (unknown !== undefined) {
    const valid = named.length > 0 ? taskKeys : [...taskKeys, ...modules];
    throw fields.yaml.fail(
      fields.keyNode(unknown),
      `${fields.what}: '${unknown}' is neither a module nor a key of a task`,
      unknownHint(unknown, valid, named.length > 0 ? [] : [...modules]),
    );
  }
  if (named.length === 1) return named[0] as string;
  throw fields.yaml.fail(
    named.length === 0 ? fields.node : fields.keyNode(named[1] as string),
    named.length === 0
      ? `${fields.what} names no module`
      : `${fields.what} names ${named.length} modules: ${named.join(', ')}; a task has one`,
  );
}

/** The nearest names, and where a module is meant the list of all. */
function unknownHint(
  unknown: string,
  valid: readonly string[],
  modules: readonly string[],
): string {
  const near = didYouMean(shortName(unknown), valid);
  if (modules.length === 0) return near;
  const list = `modules are: ${[...modules].sort().join(', ')}`;
  return near.startsWith('did you mean') ? `${near} ${list}` : list;
}

/** A module's argument under the name that the module knows it by. */
function named(module: AnyModule, key: string): string {
  return module.aliases?.[key] ?? key;
}

/**
 * The arguments of a task: a mapping, `key=value` words, or free form, with `args` beside.
 * @throws CaravanError input where the module takes no text.
 */
export function loadArgs(fields: YamlFields, key: string, module: AnyModule): Args {
  const { yaml } = fields;
  const node = fields.child(key);
  const sources = new Map<string, Source>();
  const value: Record<string, unknown> = {};
  const add = (from: unknown, at: unknown): void => {
    for (const [name, inner] of Object.entries(from as object)) value[named(module, name)] = inner;
    for (const [path, source] of yaml.sources(at)) {
      const [first = '', ...rest] = path.split('.');
      sources.set([named(module, first), ...rest].join('.'), source);
    }
  };
  const given = yaml.value(node);
  if (given !== null && typeof given === 'object' && !Array.isArray(given)) add(given, node);
  else if (given !== null) {
    Object.assign(value, textArgs(fields, node, given, module));
    for (const name of Object.keys(value)) sources.set(name, yaml.at(node));
  }
  if (fields.has('args')) add(fields.raw('args') ?? {}, fields.child('args'));
  sources.set('', yaml.at(fields.keyNode(key)));
  return { value, sources };
}

function textArgs(
  fields: YamlFields,
  node: unknown,
  given: unknown,
  module: AnyModule,
): Record<string, unknown> {
  const { freeForm, freeFormKeys } = module;
  if (typeof given === 'string') {
    if (freeForm !== undefined && freeFormKeys !== undefined) {
      const { rest, taken } = takeKeyValues(given, freeFormKeys);
      return { ...(rest === '' ? {} : { [freeForm]: rest }), ...taken };
    }
    const pairs = keyValues(given);
    if (pairs !== undefined)
      return Object.fromEntries(
        Object.entries(pairs).map(([name, inner]) => [named(module, name), inner]),
      );
  }
  if (freeForm !== undefined) return { [freeForm]: given };
  throw fields.yaml.fail(
    node,
    `${fields.what}: module '${module.name}' needs a mapping; found ${yamlType(given)}`,
  );
}
