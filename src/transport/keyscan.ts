import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { SshSettings } from './settings.js';

/**
 * Host keys in SSH's wire form as OpenSSH's ssh-keyscan sees them, for servers with which ssh2 has
 * no algorithm in common. It knows no jump hosts.
 * @throws {Error} where there is no ssh-keyscan, or it was stopped
 */
export async function keysByKeyscan(
  { hostName, port, connectTimeoutMs }: SshSettings,
  signal?: AbortSignal,
): Promise<Buffer[]> {
  const seconds = String(Math.ceil(connectTimeoutMs / 1000));
  const { stdout } = await promisify(execFile)(
    'ssh-keyscan',
    ['-T', seconds, '-p', String(port), '-t', 'ed25519,ecdsa,rsa', '--', hostName],
    signal ? { signal } : {},
  );
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => Buffer.from(line.split(' ')[2] ?? '', 'base64'));
}
