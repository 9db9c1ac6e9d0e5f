import { keywordValue } from '../playbook/keywords.js';
import type { Located, Task, Vars } from '../playbook/model.js';
import type { Scope } from '../playbook/scope.js';
import { render, variableOf } from '../playbook/template.js';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { joinScripts, sh, type Script } from '../values/shell.js';
import type { Reach } from './connections.js';

/**
 * A task with the keywords that are templates (`become: "{{ x }}"`) resolved.
 * @throws CaravanError input where one gives a value of another type.
 */
export function resolveKeywords(task: Task, scope: Scope): Task {
  const entries = Object.entries(task.templated);
  if (entries.length === 0) return task;
  const resolved = entries.map(([field, located]) => {
    const given = render(located, scope);
    const value = keywordValue(field, given);
    if (value !== undefined) return [field, value] as const;
    throw new CaravanError(
      'input',
      `'${String(located.value)}' gave ${JSON.stringify(given)}, which is no value for this keyword`,
      { source: located.source },
    );
  });
  return { ...task, ...Object.fromEntries(resolved) };
}

/** A number that may be a template: `retries`, `delay`. */
export function numberOf(located: Located | undefined, scope: Scope): number | undefined {
  if (located === undefined) return undefined;
  const given = render(located, scope);
  const number = Number(given);
  if (given !== '' && Number.isFinite(number)) return number;
  throw new CaravanError('input', `needs a number; found ${JSON.stringify(given)}`, {
    source: located.source,
  });
}

const CONNECTION_VARIABLE =
  /^ansible_(connection|host|port|user|password|pipelining|timeout|private_key_file|(ssh|become)(_\w+)?)$/;

/** Asked for each host and task. */
const CONNECTION_NAMES = new WeakMap<Vars, readonly string[]>();

/** Names, among variables, that say how a host is reached. */
export function connectionNames(vars: Vars): readonly string[] {
  const known = CONNECTION_NAMES.get(vars);
  if (known !== undefined) return known;
  const names = Object.keys(vars).filter((name) => CONNECTION_VARIABLE.test(name));
  CONNECTION_NAMES.set(vars, names);
  return names;
}

/** Keywords that say how a host is reached, by the variables that they stand for. */
const KEYWORDS = [
  ['ansible_connection', 'connection'],
  ['ansible_user', 'remoteUser'],
  ['ansible_become_user', 'becomeUser'],
  ['ansible_become_method', 'becomeMethod'],
] as const;

/**
 * How the task's host is reached, where play or task say something about it.
 * @param names of {@link connectionNames} that are bound
 */
export function reachOf(task: Task, names: readonly string[], scope: Scope): Reach | undefined {
  const said = KEYWORDS.filter((keyword) => task[keyword[1]] !== undefined);
  // The target of a delegated task is reached as the inventory says.
  const own = task.delegateTo === undefined ? names : [];
  if (said.length + own.length === 0) return undefined;
  return {
    below: Object.fromEntries(said.map(([name, field]) => [name, task[field]])),
    above: Object.fromEntries(own.map((name) => [name, variableOf(name, scope)])),
  };
}

/**
 * The `environment` of a task as a script that exports it; the inner mappings win.
 * @throws CaravanError input where it is no mapping, or a name is none.
 */
export function environmentOf(task: Task, scope: Scope): Script | undefined {
  if (task.environment.length === 0) return undefined;
  const all: Record<string, unknown> = {};
  for (const located of task.environment) {
    const given = render(located, scope);
    const maps = Array.isArray(given) ? (given as unknown[]) : [given];
    for (const map of maps) {
      if (map === null || map === undefined || map === '') continue;
      if (typeof map !== 'object' || Array.isArray(map))
        throw new CaravanError('input', `environment must be a mapping`, {
          source: located.source,
        });
      Object.assign(all, map);
    }
  }
  const exports = Object.entries(all).map(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new CaravanError('input', `environment: '${name}' is no name of a variable`, {
        source: task.source,
      });
    // Scripts go to the shell through its standard input, so a secret stands in no argv.
    const text = value instanceof Secret ? (value as Secret).reveal() : environmentText(value);
    return sh`${name}=${text}; export ${name}`;
  });
  return exports.length === 0 ? undefined : joinScripts(exports);
}

function environmentText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null || value === undefined ? '' : JSON.stringify(value);
}
