import type { Inventory } from '../inventory/inventory.js';
import type { ImportPlaybook, Play, Playbook, Task, TaskNode } from '../playbook/model.js';
import { holdsTemplate } from '../playbook/check-args.js';
import { tagsSelect, type TagChoice } from '../playbook/select.js';

/** A play as it stands, for listings: what only a run can know is given as it is written. */
export interface ListedPlay {
  readonly play: string;
  readonly pattern: string;
  /** Absent where the pattern is a template. */
  readonly hosts?: readonly string[];
  readonly tasks: readonly { readonly name: string; readonly tags: readonly string[] }[];
  /** The imports around it that repeat, outermost first. */
  readonly loops: readonly string[];
}

/** What a listing may leave out. */
export interface ListOptions extends TagChoice {
  readonly inventory: Inventory;
  readonly limit?: string;
}

/** The tasks of a list that are known before a run, in order; of an include, the include itself. */
export function tasksOf(nodes: readonly TaskNode[]): Task[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'block') return tasksOf([...node.block, ...node.rescue, ...node.always]);
    return node.kind === 'task' ? [node] : [node.task];
  });
}

function hostsOf({ hosts }: Play, { inventory, limit }: ListOptions): string[] | undefined {
  if (holdsTemplate(hosts.value)) return undefined;
  if (['localhost', '127.0.0.1'].includes(hosts.value)) return [hosts.value];
  const names = inventory.select(hosts.value).map(({ name }) => name);
  if (limit === undefined) return names;
  const limited = new Set(inventory.select(limit).map(({ name }) => name));
  return names.filter((name) => limited.has(name));
}

function listPlay(play: Play, around: readonly ImportPlaybook[], options: ListOptions): ListedPlay {
  const outer = around.flatMap(({ tags }) => tags);
  const hosts = hostsOf(play, options);
  return {
    play: play.name,
    pattern: play.hosts.value,
    tasks: tasksOf(play.tasks)
      .filter(({ module }) => module !== 'meta')
      .map(({ name, tags }) => ({ name, tags: [...outer, ...tags] }))
      .filter(({ tags }) => tagsSelect(tags, options)),
    loops: around.flatMap(({ loop }) => {
      if (loop === undefined) return [];
      const { value } = loop.items;
      return [typeof value === 'string' ? value : JSON.stringify(value)];
    }),
    ...(hosts === undefined ? {} : { hosts }),
  };
}

/**
 * The plays of a playbook in order, those of imports in their place.
 * @throws CaravanError input where a plain pattern matches no host.
 */
export function listPlays(
  playbook: Playbook,
  options: ListOptions,
  around: readonly ImportPlaybook[] = [],
): ListedPlay[] {
  return playbook.entries.flatMap((entry) =>
    entry.kind === 'play'
      ? [listPlay(entry, around, options)]
      : listPlays(entry.playbook, options, [...around, entry]),
  );
}
