import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { askSecret } from './ask-secret.js';
import { readText, reasonOf } from './vars-files.js';
import type { VaultPassword } from './vault.js';

/** Where vault passwords come from, as on Ansible's command line. */
export interface VaultPasswordOptions {
  /** `[ID@]FILE`: its text is the password, or what it prints where it may be executed. */
  readonly vaultPasswordFile?: string;
  readonly askVaultPass?: boolean;
}

const TIMEOUT_MS = 30_000;

/** The passwords that the options name. Throws a CaravanError of kind `input` when one cannot be read. */
export async function vaultPasswords(options: VaultPasswordOptions): Promise<VaultPassword[]> {
  const passwords: VaultPassword[] = [];
  if (options.vaultPasswordFile !== undefined) {
    const [, id = 'default', file = ''] =
      /^(?:([^@/]+)@)?(.*)$/.exec(options.vaultPasswordFile) ?? [];
    passwords.push({ id, password: readPassword(file) });
  }
  if (options.askVaultPass) {
    passwords.push({ id: 'default', password: await askSecret('Vault password: ') });
  }
  return passwords;
}

function readPassword(file: string): Secret {
  const text = (isExecutable(file) ? runPassword(file) : readText(file)).trim();
  if (text !== '') return new Secret(text);
  throw new CaravanError('input', `the vault password file ${file} is empty`, { source: file });
}

function runPassword(file: string): string {
  try {
    return execFileSync(file, {
      encoding: 'utf8',
      stdio: ['inherit', 'pipe', 'inherit'],
      timeout: TIMEOUT_MS,
    });
  } catch (cause) {
    throw new CaravanError(
      'input',
      `the vault password program ${file} failed: ${reasonOf(cause)}`,
      { source: file },
    );
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
