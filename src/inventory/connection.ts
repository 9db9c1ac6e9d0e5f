import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { ConnectionTarget } from '../transport/port.js';
import type { Secret } from '../values/secret.js';
import type { InventoryHost } from './inventory.js';
import { ConnectionVars } from './connection-vars.js';
import { readSshArguments, refuseHostKeyChecking } from './ssh-arguments.js';

/** What the command line says over the inventory. */
export interface ConnectionOverrides {
  readonly user?: string;
  readonly privateKeyFile?: string;
  readonly become?: boolean;
  readonly becomeUser?: string;
  readonly becomePassword?: Secret;
  readonly password?: Secret;
  readonly connectTimeoutMs?: number;
}

/**
 * How a host is reached, by the names of Ansible's ssh, local and sudo plugins. A variable of
 * theirs that changes the connection is honoured or refused by name. Throws a CaravanError of
 * kind `input` with the host.
 */
export function connectionTarget(
  host: InventoryHost,
  overrides: ConnectionOverrides = {},
): ConnectionTarget {
  const vars = new ConnectionVars(host);
  vars.refuseUnsupported();
  const kind = connectionKind(vars);
  const args = readSshArguments(vars);
  refuseHostKeyChecking(vars);
  const address = vars.text('ansible_host', 'ansible_ssh_host') ?? host.name;
  const key =
    overrides.privateKeyFile ??
    vars.text('ansible_private_key_file', 'ansible_ssh_private_key_file') ??
    args.identityFile;
  const password =
    overrides.password ??
    vars.secret('ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password');
  const timeoutSeconds =
    vars.number('ansible_timeout', 'ansible_ssh_timeout') ?? args.connectTimeoutSeconds;
  const connectTimeoutMs = overrides.connectTimeoutMs ?? (timeoutSeconds && timeoutSeconds * 1000);
  return {
    host: host.name,
    kind,
    address,
    port: port(vars) ?? 22,
    user: overrides.user ?? vars.text('ansible_user', 'ansible_ssh_user') ?? userInfo().username,
    become: become(vars, overrides),
    hostKeyPolicy: args.hostKeyPolicy ?? 'strict',
    ...(key !== undefined && { privateKeyFile: resolve(expandHome(key)) }),
    ...(password && { password }),
    ...(args.knownHostsFiles && {
      knownHostsFiles: args.knownHostsFiles.map((file) => resolve(expandHome(file))),
    }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  };
}

function connectionKind(vars: ConnectionVars): 'ssh' | 'local' {
  const name = vars.text('ansible_connection') ?? 'ssh';
  if (/^(ansible\.builtin\.)?(ssh|smart)$/.test(name)) return 'ssh';
  if (/^(ansible\.builtin\.)?local$/.test(name)) return 'local';
  throw vars.refuse('ansible_connection', `"${name}" is not supported: only ssh and local are`);
}

function port(vars: ConnectionVars): number | undefined {
  const value = vars.number('ansible_port', 'ansible_ssh_port');
  if (value === undefined || (Number.isInteger(value) && value > 0 && value < 65_536)) return value;
  throw vars.refuse('ansible_port', `${value} is no port`);
}

function become(vars: ConnectionVars, overrides: ConnectionOverrides): ConnectionTarget['become'] {
  const password =
    overrides.becomePassword ??
    vars.secret('ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass');
  return {
    enabled: overrides.become ?? vars.flag('ansible_become') ?? false,
    user: overrides.becomeUser ?? vars.text('ansible_become_user', 'ansible_sudo_user') ?? 'root',
    ...(password && { password }),
  };
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
