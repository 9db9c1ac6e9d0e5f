import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { readText, reasonOf } from './vars-files.js';
import type { VaultPassword } from './vault.js';

/** Deadline of a password program. */
const TIMEOUT_MS = 30_000;

/**
 * The password in `[ID@]FILE`, as Ansible's `--vault-password-file` names it: the text of the file,
 * or what it prints where it may be executed. Throws a CaravanError of kind `input` when there is none.
 */
export function readVaultPassword(given: string): VaultPassword {
  const [, id = 'default', file = ''] = /^(?:([^@/]+)@)?(.*)$/.exec(given) ?? [];
  return { id, password: readPassword(file) };
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
