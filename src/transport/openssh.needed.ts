import { existsSync, readFileSync } from 'node:fs';
import { FileCache } from '../values/file-cache.js';
import type { KnownHost } from './known-hosts.js';
import { usualKeys, usualSecurityKeys, type Identity } from './identity.js';
import { BY_OPENSSH } from './ssh-config/options.js';
import type { TransportName } from './port.js';
import type { SshConfig } from './ssh-config/read.js';

/** What decides whether ssh2 can reach a host. */
export interface Needs {
  readonly config: SshConfig;
  readonly identity: Identity;
  /** What known_hosts says of the host. */
  readonly known: readonly KnownHost[];
  /** The most wanted algorithm, where ssh2 has it not. */
  readonly lacking: string | undefined;
  readonly transport: TransportName | undefined;
}

/** Why a host needs the system's OpenSSH, in words that follow "because"; undefined where it does not. */
export function whyOpenSsh(needs: Needs): string | undefined {
  const { config, identity, lacking } = needs;
  if (config.undecided !== undefined) return `only ssh can judge ${config.undecided}`;
  if (lacking !== undefined) return `${lacking} is asked for`;
  for (const [keyword, plain] of Object.entries(BY_OPENSSH)) {
    const value = config.get(keyword)?.[0];
    if (value !== undefined && !plain.includes(value.toLowerCase()))
      return `${keyword} is set (${config.sourceOf(keyword) ?? ''})`;
  }
  if (identity.methods?.[0]?.startsWith('gssapi') === true) return 'GSSAPI is to be tried first';
  for (const file of filesToTry(needs)) {
    const special = specialKey(file);
    if (special !== undefined) return special;
  }
  return onlyAuthority(needs);
}

/**
 * The default keys are passed over where there is a password, which OpenSSH is never given; those of
 * security keys, for which somebody must be there, where there is another.
 */
function filesToTry({ identity, transport }: Needs): readonly string[] {
  const { files, usual, methods, password, passphrase, agent } = identity;
  const mayUseKeys = methods?.includes('publickey') ?? true;
  if (!usual || !mayUseKeys || password || passphrase) return files;
  const plain = usualKeys();
  const isOther = plain.some((file) => existsSync(file));
  // The agent may hold one that ssh2 can use, and nothing else is left to it.
  return isOther || (transport === 'ssh2' && agent) ? plain : [...plain, ...usualSecurityKeys()];
}

/** The type of key that a file with a public key names. */
const TYPE = new FileCache((path) => readFileSync(path, 'utf8').split(' ', 1)[0] ?? '');

/** A key with a certificate beside it, or one that lives in a security key. */
function specialKey(file: string): string | undefined {
  if (existsSync(`${file}-cert.pub`)) return `${file}-cert.pub is a certificate`;
  try {
    const publicFile = file.endsWith('.pub') ? file : `${file}.pub`;
    return TYPE.at(publicFile)?.startsWith('sk-') === true
      ? `${file} is a security key`
      : undefined;
  } catch {
    return undefined; // it cannot be read: nothing is known
  }
}

function onlyAuthority({ known }: Needs): string | undefined {
  const authority = known.find(({ marker }) => marker === 'cert-authority');
  const own = known.some(({ marker }) => marker === undefined);
  return authority && !own
    ? `it is known by a certificate authority (${authority.source})`
    : undefined;
}
