import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sshd } from './sshd.js';

/** Writes what is known of this sshd behind `port`; gives the file's path. */
export function writeKnownHosts(sshd: Sshd, port: number, folder: string): string {
  const file = join(folder, `known_hosts_${port}`);
  const lines = sshd.hostPublicKeys.map((key) => `[${sshd.address}]:${port} ${key}\n`);
  writeFileSync(file, lines.join(''));
  return file;
}

/** Variables of a host that is this sshd, reached at `port`; its known_hosts goes to `folder`. */
export function sshVars(sshd: Sshd, port: number, folder: string): Record<string, unknown> {
  const knownHosts = writeKnownHosts(sshd, port, folder);
  return {
    ansible_connection: 'ssh',
    ansible_host: sshd.address,
    ansible_port: port,
    ansible_user: sshd.user,
    ansible_ssh_private_key_file: sshd.userKey,
    ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHosts}`,
  };
}

/** Processes that logins to this sshd from these ports of ours left on the host. Linux. */
export function processesOf(sshd: Sshd, ports: readonly number[]): string[] {
  const { address } = sshd;
  const marks = ports.map((port) => `SSH_CONNECTION=${address} ${port} ${address} ${sshd.port}\0`);
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      return marks.some((mark) => environment.includes(mark));
    } catch {
      return false; // it ended while we looked
    }
  });
}
