import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Secret } from '../values/secret.js';

/** What there is to log in with. */
export interface Identity {
  /** Files of private keys. */
  readonly files: readonly string[];
  /** The keys in `~/.ssh` with usual names are tried too: nothing names others. */
  readonly usual: boolean;
  /** No other key than these is tried, not even another one of the agent. */
  readonly only: boolean;
  /** Socket of the agent. */
  readonly agent?: string;
  readonly passphrase?: Secret;
  readonly password?: Secret;
  /** The methods that may be used, in their order, or undefined for the usual ones. */
  readonly methods?: readonly string[];
  /** RSA keys may sign with SHA-1: `PubkeyAcceptedAlgorithms +ssh-rsa`. */
  readonly sha1: boolean;
}

/** The files that are looked for where nothing names a key. */
export function usualKeys(): string[] {
  return ['id_ed25519', 'id_ecdsa', 'id_rsa'].map(inHome);
}

/** Those of them that ssh alone can use. */
export function usualSecurityKeys(): string[] {
  return ['id_ed25519_sk', 'id_ecdsa_sk'].map(inHome);
}

function inHome(name: string): string {
  return join(homedir(), '.ssh', name);
}
