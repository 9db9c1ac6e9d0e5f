import {
  argument,
  list,
  mapping,
  options,
  same,
  text,
  truthy,
  type TemplateFunction,
} from './values.js';

function unique(items: readonly unknown[]): unknown[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

/** The filter, which alone takes both cases of a letter for the same. */
function uniqueFilter(value: unknown, args: readonly unknown[]): unknown[] {
  const isExact = truthy(argument(args, 0, 'case_sensitive'));
  const attribute = argument(args, 1, 'attribute') ?? undefined;
  const seen = new Set<string>();
  return list(value).filter((item) => {
    const by = attribute === undefined ? item : pathOf(item, attribute);
    const key = JSON.stringify(typeof by === 'string' && !isExact ? by.toLowerCase() : by);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function without(a: readonly unknown[], b: readonly unknown[]): unknown[] {
  return unique(a).filter((item) => !b.some((other) => same(item, other)));
}

function within(a: readonly unknown[], b: readonly unknown[]): unknown[] {
  return unique(a).filter((item) => b.some((other) => same(item, other)));
}

/** How `combine` joins two lists under one key. */
const MERGES: Readonly<Record<string, (a: unknown[], b: unknown[]) => unknown[]>> = {
  replace: (_a, b) => b,
  keep: (a) => a,
  append: (a, b) => [...a, ...b],
  prepend: (a, b) => [...b, ...a],
  append_rp: (a, b) => [...without(a, b), ...b],
  prepend_rp: (a, b) => [...b, ...without(a, b)],
};

function combineTwo(
  a: Record<string, unknown>,
  b: Record<string, unknown>,
  recursive: boolean,
  merge: (a: unknown[], b: unknown[]) => unknown[],
): Record<string, unknown> {
  const into = { ...a };
  for (const [key, item] of Object.entries(b)) {
    const old = into[key];
    if (Array.isArray(old) && Array.isArray(item)) into[key] = merge(old, item);
    else if (recursive && isMap(old) && isMap(item))
      into[key] = combineTwo(old, item, recursive, merge);
    else into[key] = item;
  }
  return into;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function combine(value: unknown, ...others: unknown[]): Record<string, unknown> {
  const last = options(others);
  const keys = Object.keys(last);
  const isOptions =
    keys.length > 0 && keys.every((key) => ['recursive', 'list_merge'].includes(key));
  const given = isOptions ? last : {};
  const merge = MERGES[text(given['list_merge'] ?? 'replace')];
  if (merge === undefined)
    throw new Error(`combine: list_merge is one of ${Object.keys(MERGES).join(', ')}`);
  const maps = (isOptions ? others.slice(0, -1) : others).flatMap((one) =>
    Array.isArray(one) ? (one as unknown[]) : [one],
  );
  const first = Array.isArray(value) ? (value as unknown[]) : [value];
  return [...first, ...maps].reduce<Record<string, unknown>>(
    (into, other) => combineTwo(into, mapping(other), truthy(given['recursive']), merge),
    {},
  );
}

function product(lists: readonly (readonly unknown[])[]): unknown[][] {
  return lists.reduce<unknown[][]>(
    (found, items) => found.flatMap((before) => items.map((item) => [...before, item])),
    [[]],
  );
}

function combinations(items: readonly unknown[], size: number): unknown[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) =>
    combinations(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]),
  );
}

function permutations(items: readonly unknown[], size: number): unknown[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)], size - 1).map((rest) => [
      item,
      ...rest,
    ]),
  );
}

function flatten(value: unknown, levels: number, keepNone: boolean): unknown[] {
  return list(value).flatMap((item) => {
    if (!keepNone && (item === null || item === 'None' || item === 'null')) return [];
    return Array.isArray(item) && levels > 0 ? flatten(item, levels - 1, keepNone) : [item];
  });
}

function pathOf(value: unknown, path: unknown): unknown {
  return text(path)
    .split('.')
    .reduce<unknown>((inner, key) => {
      if (isMap(inner) && Object.hasOwn(inner, key)) return inner[key];
      throw new Error(`no key '${key}'`);
    }, value);
}

function subelements(value: unknown, path: unknown, skipMissing: boolean): unknown[] {
  const items = isMap(value) ? Object.values(value) : list(value);
  return items.flatMap((item) => {
    let inner: unknown;
    try {
      inner = pathOf(item, Array.isArray(path) ? path.join('.') : path);
    } catch (error) {
      if (skipMissing) return [];
      throw error;
    }
    return list(inner).map((sub) => [item, sub]);
  });
}

function extract(key: unknown, container: unknown, more: unknown): unknown {
  const keys =
    more === undefined || more === null ? [] : Array.isArray(more) ? (more as unknown[]) : [more];
  return [key, ...keys].reduce<unknown>((inner, one) => {
    const found = (inner as Record<string, unknown> | undefined)?.[text(one)];
    if (found === undefined) throw new Error(`extract: no '${text(one)}'`);
    return found;
  }, container);
}

function lists(value: unknown, args: readonly unknown[]): (readonly unknown[])[] {
  return [value, ...args.filter(Array.isArray)].map(list);
}

function dictItems(value: unknown, args: readonly unknown[]): unknown[] {
  const key = text(argument(args, 0, 'key_name') ?? 'key');
  const item = text(argument(args, 1, 'value_name') ?? 'value');
  return Object.entries(mapping(value)).map(([name, inner]) => ({ [key]: name, [item]: inner }));
}

function itemsDict(value: unknown, args: readonly unknown[]): Record<string, unknown> {
  const key = text(argument(args, 0, 'key_name') ?? 'key');
  const item = text(argument(args, 1, 'value_name') ?? 'value');
  return Object.fromEntries(
    list(value).map((one) => {
      const map = mapping(one);
      if (!(key in map) || !(item in map))
        throw new Error(`items2dict: an item lacks '${key}' or '${item}'`);
      return [text(map[key]), map[item]];
    }),
  );
}

/** Filters of lists and mappings. */
export const LIST_FILTERS: Readonly<Record<string, TemplateFunction>> = {
  combine,
  unique: (value, ...args) => uniqueFilter(value, args),
  difference: (value, other) => without(list(value), list(other)),
  intersect: (value, other) => within(list(value), list(other)),
  union: (value, other) => unique([...list(value), ...list(other)]),
  symmetric_difference: (value, other) => [
    ...without(list(value), list(other)),
    ...without(list(other), list(value)),
  ],
  flatten: (value, ...args) => {
    const levels = argument(args, 0, 'levels');
    return flatten(
      value,
      typeof levels === 'number' ? levels : Infinity,
      argument(args, 1, 'skip_nulls') === false,
    );
  },
  dict2items: (value, ...args) => dictItems(value, args),
  items2dict: (value, ...args) => itemsDict(value, args),
  zip: (value, ...args) => {
    const all = lists(value, args);
    const shortest = Math.min(...all.map(({ length }) => length));
    return Array.from({ length: shortest }, (_, i) => all.map((one) => one[i]));
  },
  zip_longest: (value, ...args) => {
    const all = lists(value, args);
    const fill = options(args)['fillvalue'] ?? null;
    const longest = Math.max(...all.map(({ length }) => length));
    return Array.from({ length: longest }, (_, i) =>
      all.map((one) => (i < one.length ? one[i] : fill)),
    );
  },
  product: (value, ...args) => product(lists(value, args)),
  combinations: (value, size) => combinations(list(value), Number(size)),
  permutations: (value, size) =>
    permutations(list(value), size === undefined ? list(value).length : Number(size)),
  subelements: (value, path, ...args) =>
    subelements(value, path, argument(args, 0, 'skip_missing') === true),
  extract,
  rekey_on_member: (value, key) =>
    Object.fromEntries(
      (isMap(value) ? Object.values(value) : list(value)).map((item) => [
        text(mapping(item)[text(key)]),
        item,
      ]),
    ),
};

/** Tests of lists. */
export const LIST_TESTS: Readonly<Record<string, TemplateFunction>> = {
  subset: (value, other) => without(list(value), list(other)).length === 0,
  issubset: (value, other) => without(list(value), list(other)).length === 0,
  superset: (value, other) => without(list(other), list(value)).length === 0,
  issuperset: (value, other) => without(list(other), list(value)).length === 0,
  contains: (value, item) =>
    typeof value === 'string' ? value.includes(text(item)) : list(value).some((x) => same(x, item)),
  any: (value) => list(value).some(truthy),
  all: (value) => list(value).every(truthy),
};
