import type { Condition, ImportPlaybook } from '../playbook/model.js';
import { withBound, type Scope } from '../playbook/scope.js';
import { loopItems } from './loop-items.js';
import type { RunState } from './run-state.js';
import type { BoundVars } from './variables.js';

/** What the imports around a play add to it. */
export interface ImportFrame {
  /** Innermost first. */
  readonly layers: readonly BoundVars[];
  readonly tags: readonly string[];
  readonly conditions: readonly {
    readonly condition: Condition;
    readonly bound: Readonly<Record<string, unknown>>;
  }[];
}

/** The frame of a playbook that nothing imports. */
export const OUTERMOST: ImportFrame = { layers: [], tags: [], conditions: [] };

/**
 * What names mean outside of any host, where an import's loop or a play's `hosts` is evaluated:
 * extra variables, those of the imports around it, then `localhost`, then the first host in
 * inventory order that has the variable and is still in the run.
 */
export function runScope(state: RunState, frame: ImportFrame): Scope {
  const { variables } = state.parts;
  const { hosts } = variables.inventory;
  const live = hosts.filter(({ name }) => state.isLive(name));
  const local = variables.host('localhost');
  const order = local === undefined ? live : [local, ...live.filter((host) => host !== local)];
  const scopes = order.map((host) => variables.scope(host, { imports: frame.layers }));
  const own = ['inventory_hostname', 'inventory_hostname_short', 'group_names'];
  return {
    lookup: (name) => {
      if (own.includes(name)) return undefined;
      for (const scope of scopes) {
        const variable = scope.lookup(name);
        if (variable !== undefined) return variable;
      }
      return undefined;
    },
    names: () => new Set(scopes.flatMap((scope) => [...scope.names()])),
    hostScope: (host) => scopes[0]?.hostScope(host),
    group: (name) => scopes[0]?.group(name),
  };
}

/** The frames of an import: one, or one for each item of its loop, evaluated now. */
export function importFrames(
  entry: ImportPlaybook,
  outer: ImportFrame,
  state: RunState,
): ImportFrame[] {
  const outerBound = outer.layers[0]?.bound ?? {};
  const frame = (own: Readonly<Record<string, unknown>>): ImportFrame => {
    const bound = { ...outerBound, ...own };
    return {
      layers: [{ vars: entry.vars, bound }, ...outer.layers],
      tags: [...outer.tags, ...entry.tags],
      conditions: [...outer.conditions, ...entry.when.map((condition) => ({ condition, bound }))],
    };
  };
  const { loop } = entry;
  if (loop === undefined) return [frame({})];
  const items = loopItems(loop, withBound(runScope(state, outer), outerBound));
  return items.map((item, index) =>
    frame({
      [loop.loopVar]: item,
      ...(loop.indexVar === undefined ? {} : { [loop.indexVar]: index }),
    }),
  );
}
