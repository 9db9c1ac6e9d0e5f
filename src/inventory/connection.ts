import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { ConnectionTarget } from '../transport/port.js';
import type { Secret } from '../values/secret.js';
import type { InventoryHost } from './inventory.js';
import { ConnectionVars } from './connection-vars.js';
import { USED } from './connection-catalogue.js';
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
 * theirs that changes the connection is honoured or refused by name. Templates in `host.vars` are
 * to be resolved before, or when they are read. Throws a CaravanError of kind `input` with the
 * host.
 */
export function connectionTarget(
  host: Pick<InventoryHost, 'name' | 'vars'>,
  overrides: ConnectionOverrides = {},
): ConnectionTarget {
  const vars = new ConnectionVars(host);
  vars.refuseUnsupported();
  vars.text(USED.becomeMethod);
  vars.text(USED.shellType);
  vars.text(USED.shellExecutable);
  const args = readSshArguments(vars);
  refuseHostKeyChecking(vars);
  const key = overrides.privateKeyFile ?? vars.text(USED.keyFile) ?? args.identityFile;
  const passphrase = vars.secret(USED.keyPassphrase);
  const password = overrides.password ?? vars.secret(USED.password);
  const timeoutSeconds = vars.number(USED.timeout) ?? args.connectTimeoutSeconds;
  const connectTimeoutMs = overrides.connectTimeoutMs ?? (timeoutSeconds && timeoutSeconds * 1000);
  return {
    host: host.name,
    kind: vars.text(USED.connection)?.endsWith('local') ? 'local' : 'ssh',
    address: vars.text(USED.address) ?? host.name,
    port: port(vars) ?? 22,
    user: overrides.user ?? vars.text(USED.user) ?? userInfo().username,
    become: become(vars, overrides),
    hostKeyPolicy: args.hostKeyPolicy ?? 'strict',
    ...(key !== undefined && { privateKeyFile: resolve(expandHome(key)) }),
    ...(passphrase && { privateKeyPassphrase: passphrase }),
    ...(password && { password }),
    ...(args.knownHostsFiles && {
      knownHostsFiles: args.knownHostsFiles.map((file) => resolve(expandHome(file))),
    }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  };
}

function port(vars: ConnectionVars): number | undefined {
  const value = vars.number(USED.port);
  if (value === undefined || (Number.isInteger(value) && value > 0 && value < 65_536)) return value;
  throw vars.refuseVariable(USED.port, `${value} is no port`);
}

function become(vars: ConnectionVars, overrides: ConnectionOverrides): ConnectionTarget['become'] {
  const password = overrides.becomePassword ?? vars.secret(USED.becomePassword);
  return {
    enabled: overrides.become ?? vars.flag(USED.become) ?? false,
    user: overrides.becomeUser ?? vars.text(USED.becomeUser) ?? 'root',
    ...(password && { password }),
  };
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
