import { resolve } from 'node:path';
import type { ConnectionTarget, TransportName } from '../transport/port.js';
import { expandHome } from '../values/home-path.js';
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
  readonly transport?: TransportName;
}

/**
 * How a host is reached, by the names of Ansible's ssh, local, sudo and su plugins. A variable of
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
  vars.text(USED.shellType);
  vars.text(USED.shellExecutable);
  const { options, configFile } = readSshArguments(vars);
  refuseHostKeyChecking(vars);
  const key = overrides.privateKeyFile ?? vars.text(USED.keyFile);
  const passphrase = vars.secret(USED.keyPassphrase);
  const password = overrides.password ?? vars.secret(USED.password);
  const connectTimeoutMs = overrides.connectTimeoutMs ?? connectTimeout(vars);
  const number = port(vars);
  const user = overrides.user ?? vars.text(USED.user);
  const transport = overrides.transport ?? transportOf(vars);
  return {
    host: host.name,
    kind: vars.text(USED.connection)?.endsWith('local') ? 'local' : 'ssh',
    address: vars.text(USED.address) ?? host.name,
    become: become(vars, overrides),
    ...(number !== undefined && { port: number }),
    ...(user !== undefined && { user }),
    ...(key !== undefined && { privateKeyFile: resolve(expandHome(key)) }),
    ...(passphrase && { privateKeyPassphrase: passphrase }),
    ...(password && { password }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
    ...(options.length > 0 && { sshOptions: options }),
    ...(configFile !== undefined && { sshConfigFile: configFile }),
    ...(transport && { transport }),
  };
}

/** Its values were checked when it was read. */
function transportOf(vars: ConnectionVars): TransportName | undefined {
  return vars.text(USED.transport) as TransportName | undefined;
}

function port(vars: ConnectionVars): number | undefined {
  const value = vars.number(USED.port);
  if (value === undefined || (Number.isInteger(value) && value > 0 && value < 65_536)) return value;
  throw vars.refuseVariable(USED.port, `${value} is no port`);
}

function connectTimeout(vars: ConnectionVars): number | undefined {
  const seconds = vars.number(USED.timeout);
  if (seconds === 0) throw vars.refuseVariable(USED.timeout, '0 is no deadline: name the seconds');
  return seconds && seconds * 1000;
}

function become(vars: ConnectionVars, overrides: ConnectionOverrides): ConnectionTarget['become'] {
  const su = vars.text(USED.becomeMethod)?.endsWith('su') === true;
  const own = su ? vars.secret(USED.suPassword) : vars.secret(USED.sudoPassword);
  const password = overrides.becomePassword ?? own ?? vars.secret(USED.becomePassword);
  const user = su ? vars.text(USED.suUser) : vars.text(USED.sudoUser);
  return {
    enabled: overrides.become ?? vars.flag(USED.become) ?? false,
    user: overrides.becomeUser ?? user ?? vars.text(USED.becomeUser) ?? 'root',
    ...(su && { method: 'su' as const }),
    ...(password && { password }),
  };
}
