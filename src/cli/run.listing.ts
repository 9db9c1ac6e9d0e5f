import { listPlays, type ListedPlay } from '../engine/list.js';
import type { Inventory } from '../inventory/inventory.js';
import type { Playbook } from '../playbook/model.js';
import type { RunCommandOptions } from './run.options.js';

function hostLines({ hosts }: ListedPlay): string[] {
  const count = hosts === undefined ? 'known when it runs' : String(hosts.length);
  return [`  hosts (${count}):`, ...(hosts ?? []).map((host) => `    ${host}`)];
}

function taskLines({ tasks }: ListedPlay): string[] {
  const shown = tasks.map(
    ({ name, tags }) => `    ${name}${tags.length > 0 ? `  [${tags.join(', ')}]` : ''}`,
  );
  return ['  tasks:', ...shown];
}

function tagLine({ tasks }: ListedPlay): string {
  const tags = [...new Set(tasks.flatMap((task) => task.tags))].sort();
  return `  tags: [${tags.join(', ')}]`;
}

/** What `--list-hosts`, `--list-tasks` and `--list-tags` print. */
export function listing(
  playbook: Playbook,
  inventory: Inventory,
  options: RunCommandOptions,
): string {
  const { limit, tags, skipTags } = options;
  const plays = listPlays(playbook, {
    ...{ inventory, tags, skipTags },
    ...(limit === undefined ? {} : { limit }),
  });
  const lines = plays.flatMap((listed) => [
    `play [${listed.play}] (${listed.pattern})${listed.loops.map((loop) => ` for each of ${loop}`).join('')}`,
    ...(options.listHosts ? hostLines(listed) : []),
    ...(options.listTasks ? taskLines(listed) : []),
    ...(options.listTags ? [tagLine(listed)] : []),
  ]);
  return `${lines.join('\n')}\n`;
}
