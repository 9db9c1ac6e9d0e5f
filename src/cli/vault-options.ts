import type { Command } from 'commander';
import { readVaultPassword } from '../inventory/vault-passwords.js';
import type { VaultPassword } from '../inventory/vault.js';
import { append } from './option-values.js';
import { askPassword } from './run.password.js';

/** What {@link addVaultOptions} adds, as commander gives it. */
export interface VaultOptions {
  readonly vaultPasswordFile: readonly string[];
  readonly askVaultPass: boolean;
}

/** Adds the options that open vault values, named as Ansible's. */
export function addVaultOptions(command: Command): Command {
  return command
    .option(
      '--vault-password-file <file>',
      'file (or program that prints) [ID@]the vault password; may be repeated',
      append,
      [],
    )
    .option('--ask-vault-pass', 'ask for the vault password', false);
}

/**
 * The passwords that the options name.
 * @throws CaravanError input where a file cannot be read or there is no terminal to ask on.
 */
export async function vaultPasswordsOf(options: VaultOptions): Promise<VaultPassword[]> {
  const passwords = options.vaultPasswordFile.map(readVaultPassword);
  if (!options.askVaultPass) return passwords;
  return [...passwords, { id: 'default', password: await askPassword('Vault password: ') }];
}
