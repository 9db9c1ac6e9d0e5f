import { Option, type Command } from 'commander';
import type { ConnectionOverrides } from '../inventory/connection.js';
import type { TransportName } from '../transport/port.js';
import { count } from './option-values.js';
import { askPassword } from './run.password.js';

/** What {@link addConnectionOptions} adds, as commander gives it. */
export interface ConnectionOptions {
  readonly user?: string;
  readonly askPass: boolean;
  readonly askBecomePass: boolean;
  readonly privateKey?: string;
  readonly timeout?: number;
  readonly transport?: TransportName;
}

/** Adds the options that say how hosts are logged in to, above what the inventory says. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option('-u, --user <user>', 'user to log in as')
    .option('-k, --ask-pass', 'ask for the password of the login', false)
    .option('-K, --ask-become-pass', 'ask for the password of sudo or su', false)
    .option('--private-key <file>', 'key to log in with')
    .option('-T, --timeout <seconds>', 'deadline of a login', count)
    .addOption(
      new Option(
        '--transport <name>',
        "ssh2, the system's openssh, or auto: ssh2 unless the host needs openssh",
      ).choices(['auto', 'ssh2', 'openssh']),
    );
}

/**
 * What the options say, passwords asked for.
 * @throws CaravanError input where there is no terminal to ask on.
 */
export async function connectionOverridesOf(
  options: ConnectionOptions,
): Promise<ConnectionOverrides> {
  const { user, privateKey, timeout, transport } = options;
  const password = options.askPass ? await askPassword('SSH password: ') : undefined;
  const becomePassword = options.askBecomePass ? await askPassword('BECOME password: ') : undefined;
  return {
    ...(user === undefined ? {} : { user }),
    ...(privateKey === undefined ? {} : { privateKeyFile: privateKey }),
    ...(timeout === undefined ? {} : { connectTimeoutMs: timeout * 1000 }),
    ...(transport === undefined ? {} : { transport }),
    ...(password === undefined ? {} : { password }),
    ...(becomePassword === undefined ? {} : { becomePassword }),
  };
}
