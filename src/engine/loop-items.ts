import type { Loop, LoopKind, LookupLoop } from '../playbook/model.js';
import { LOOKUP_LOOPS } from '../playbook/load-loop.js';
import type { Scope } from '../playbook/scope.js';
import { evaluate, render } from '../playbook/template.js';
import { CaravanError } from '../values/error.js';

type Items = readonly unknown[];

function listOf(value: unknown): Items {
  return Array.isArray(value) ? (value as Items) : [value];
}

/** Every combination of one item of each list. */
function nested(lists: readonly Items[]): unknown[][] {
  return lists.reduce<unknown[][]>(
    (found, list) => found.flatMap((before) => list.map((item) => [...before, item])),
    [[]],
  );
}

function together(lists: readonly Items[]): unknown[][] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.map((list) => list[i] ?? null));
}

/** What a list is made into, by the name of the loop. `loop` and `with_list` take it as it is. */
const MAKE: Readonly<Record<Exclude<LoopKind, LookupLoop>, (items: Items) => Items>> = {
  loop: (items) => items,
  list: (items) => items,
  items: (items) => items.flatMap(listOf),
  flattened: (items) => items.flat(Infinity),
  indexed_items: (items) => items.flatMap(listOf).map((item, i) => [i, item]),
  nested: (items) => nested(items.map(listOf)),
  together: (items) => together(items.map(listOf)),
  dict: (items) =>
    items.flatMap((map) =>
      Object.entries(map as object).map(([key, value]) => ({ key, value: value as unknown })),
    ),
};

function isLookup(kind: LoopKind): kind is LookupLoop {
  return LOOKUP_LOOPS.includes(kind as LookupLoop);
}

/** The items of a loop. */
export function loopItems(loop: Loop, scope: Scope): Items {
  const { value, source } = loop.items;
  const isBare = !isLookup(loop.kind) && typeof value === 'string' && !value.includes('{{');
  const given = isBare ? evaluate({ value, source }, scope) : render(loop.items, scope);
  if (isLookup(loop.kind)) {
    const terms = Array.isArray(given) ? (given as Items) : [given];
    return scope.plugin?.({ name: loop.kind, terms, options: { kind: loop.folder }, scope }) ?? [];
  }
  // The old loops take one value for a list of it.
  const items = loop.kind !== 'loop' && !Array.isArray(given) ? [given] : given;
  if (Array.isArray(items)) return MAKE[loop.kind](items as Items);
  const shown = items === null ? 'nothing' : typeof items === 'object' ? 'a mapping' : typeof items;
  throw new CaravanError('input', `loop '${String(value)}' must give a list; it gave ${shown}`, {
    source,
    ...(shown === 'a mapping' ? { hint: 'add | dict2items' } : {}),
  });
}

/** The names that a loop binds for one item. */
export function boundNames(loop: Loop, items: Items, index: number): Record<string, unknown> {
  const { length } = items;
  const extended = {
    allitems: items,
    index: index + 1,
    index0: index,
    revindex: length - index,
    revindex0: length - index - 1,
    first: index === 0,
    last: index === length - 1,
    length,
    ...(index > 0 ? { previtem: items[index - 1] } : {}),
    ...(index < length - 1 ? { nextitem: items[index + 1] } : {}),
  };
  return {
    [loop.loopVar]: items[index],
    ansible_loop_var: loop.loopVar,
    ...(loop.indexVar === undefined ? {} : { [loop.indexVar]: index }),
    ...(loop.extended ? { ansible_loop: extended } : {}),
  };
}
