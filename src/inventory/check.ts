import { extname, join } from 'node:path';
import { CaravanError } from '../values/error.js';
import { connectionTarget } from './connection.js';
import type { Group, Host } from './data.js';
import { nearest } from './nearest.js';
import type { LoadedInventory } from './resolve.js';

/** One thing about an inventory that is probably not meant. */
export interface Finding {
  readonly message: string;
  /** `file:line:column`, or the file where there is nothing nearer. */
  readonly place: string;
}

/** Variables that Ansible reads to reach a host or run on it, and caravan has no use for. */
export const IGNORED_VARIABLES: readonly string[] = [
  'ansible_async_dir',
  'ansible_control_path',
  'ansible_control_path_dir',
  'ansible_pipelining',
  'ansible_python_interpreter',
  'ansible_remote_tmp',
  'ansible_scp_executable',
  'ansible_scp_extra_args',
  'ansible_scp_if_ssh',
  'ansible_sftp_batch_mode',
  'ansible_sftp_executable',
  'ansible_sftp_extra_args',
  'ansible_shell_executable',
  'ansible_shell_type',
  'ansible_ssh_control_path',
  'ansible_ssh_password_mechanism',
  'ansible_ssh_pipelining',
  'ansible_ssh_retries',
  'ansible_ssh_transfer_method',
  'ansible_ssh_use_tty',
  'ansible_sshpass_prompt',
  'ansible_system_tmpdirs',
];

/** What is probably not meant in an inventory that could be read, each with its place. */
export function checkInventory(inventory: LoadedInventory): Finding[] {
  return [
    ...inventory.data.notes.map(({ message, place }) => ({ message, place: place() })),
    ...emptyGroups(inventory),
    ...sameNames(inventory),
    ...ungrouped(inventory),
    ...orphanFiles(inventory),
    ...ignored(inventory),
    ...folded(connections(inventory)),
  ];
}

function placeOf(inventory: LoadedInventory, target: Group | Host, variable?: string): string {
  const definitions = inventory.data.definitions.get(target) ?? [];
  const found =
    variable === undefined
      ? definitions[0]
      : definitions.filter(({ names }) => names.includes(variable)).at(-1);
  return found?.place(variable) ?? 'a source without lines';
}

function emptyGroups(inventory: LoadedInventory): Finding[] {
  const { data } = inventory;
  const filled = [...data.groups.values()].filter((group) => group.allHosts().size > 0);
  return [...data.groups.values()]
    .filter(
      (group) => group !== data.all && group !== data.ungrouped && group.allHosts().size === 0,
    )
    .map((group) => {
      const near = nearest(
        group.name,
        filled.map((other) => other.name),
      );
      const hint = near.length > 0 ? `; did you mean "${near.join('" or "')}"?` : '';
      return {
        message: `group "${group.name}" has no hosts${hint}`,
        place: placeOf(inventory, group),
      };
    });
}

function sameNames(inventory: LoadedInventory): Finding[] {
  return [...inventory.data.hosts.values()]
    .filter((host) => inventory.data.groups.has(host.name))
    .map((host) => ({
      message: `"${host.name}" is a host and a group; a pattern of that name means the host`,
      place: placeOf(inventory, host),
    }));
}

function ungrouped(inventory: LoadedInventory): Finding[] {
  return [...inventory.data.ungrouped.hosts].map((host) => ({
    message: `host "${host.name}" is in no group`,
    place: placeOf(inventory, host),
  }));
}

/** Files of variables for groups and hosts that are not there: usually a slip of the finger. */
function orphanFiles(inventory: LoadedInventory): Finding[] {
  const { data, folders } = inventory;
  return [...folders.inventory, ...folders.playbook].flatMap(({ group, host }) =>
    [
      { folder: group, names: data.groups, what: 'group' },
      { folder: host, names: data.hosts, what: 'host' },
    ].flatMap(({ folder, names, what }) =>
      folder
        .entries()
        .filter((entry) => !entry.startsWith('.') && !entry.endsWith('~'))
        .filter((entry) => !names.has(entry) && !names.has(withoutExtension(entry)))
        .map((entry) => {
          const near = nearest(withoutExtension(entry), names.keys());
          const hint = near.length > 0 ? `; did you mean "${near.join('" or "')}"?` : '';
          return {
            message: `no ${what} is named "${withoutExtension(entry)}"${hint}`,
            place: join(folder.path, entry),
          };
        }),
    ),
  );
}

function withoutExtension(entry: string): string {
  const extension = extname(entry);
  return ['.yml', '.yaml', '.json'].includes(extension) ? entry.slice(0, -extension.length) : entry;
}

function ignored(inventory: LoadedInventory): Finding[] {
  const { data } = inventory;
  return [...data.groups.values(), ...data.hosts.values()].flatMap((target) =>
    IGNORED_VARIABLES.filter((name) => Object.hasOwn(target.vars, name)).map((name) => ({
      message: `${name} of "${target.name}" makes no difference: caravan needs no such setting`,
      place: placeOf(inventory, target, name),
    })),
  );
}

/** One finding for each place: a variable of a group is the same slip for each of its hosts. */
function folded(findings: readonly Finding[]): Finding[] {
  const first = new Map<string, { finding: Finding; more: number }>();
  for (const finding of findings) {
    const known = first.get(finding.place);
    if (known) known.more += 1;
    else first.set(finding.place, { finding, more: 0 });
  }
  return [...first.values()].map(({ finding, more }) => ({
    message: more === 0 ? finding.message : `${finding.message} (and ${more} more hosts)`,
    place: finding.place,
  }));
}

/** Variables that make a host unreachable, and hosts that are reached at one address. */
function connections(inventory: LoadedInventory): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, string>();
  for (const host of inventory.hosts) {
    const known = inventory.data.hosts.get(host.name);
    if (!known) continue;
    try {
      const { kind, address, port } = connectionTarget(host);
      const key = `${address} port ${port}`;
      const other = kind === 'local' ? undefined : seen.get(key);
      if (other === undefined) seen.set(key, host.name);
      else {
        findings.push({
          message: `"${other}" and "${host.name}" are both reached at ${key}`,
          place: placeOf(inventory, known),
        });
      }
    } catch (thrown) {
      if (!(thrown instanceof CaravanError)) throw thrown;
      const variable = /^\w+/.exec(thrown.message)?.[0] ?? '';
      const owner = [known, ...[...known.allGroups()].sort((a, b) => b.depth - a.depth)].find(
        (one) => Object.hasOwn(one.vars, variable),
      );
      findings.push({
        message: thrown.message,
        place: owner ? placeOf(inventory, owner, variable) : `variables of ${host.name}`,
      });
    }
  }
  return findings;
}
