import { Secret } from '../values/secret.js';
import type { Reference } from './expression.js';

/** Whether a value has what a path of attributes names. What text and lists have, only the engine knows. */
export function hasPath(value: unknown, path: readonly string[]): boolean {
  let inner = value;
  for (const key of path) {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return true;
    if (inner instanceof Secret) return true;
    if (!Object.hasOwn(inner, key)) return false;
    inner = (inner as Record<string, unknown>)[key];
  }
  return true;
}

/** Whether something with attributes stands at a path. */
function isReachable(value: unknown, path: readonly string[]): boolean {
  let inner = value;
  for (const key of path) {
    if (inner === null || typeof inner !== 'object') return false;
    if (!hasPath(inner, [key])) return false;
    inner = (inner as Record<string, unknown>)[key];
  }
  return inner !== null && typeof inner === 'object';
}

/** Whether a name that may be missing is missing so early that reading on would be an error. */
export function needsChain(
  references: readonly Reference[],
  context: Record<string, unknown>,
): boolean {
  return references.some(
    ({ name, path, guarded }) =>
      guarded &&
      path.length > 0 &&
      (!(name in context) || !isReachable(context[name], path.slice(0, -1))),
  );
}
