import type { Connection } from '../transport/port.js';
import { sh } from '../values/shell.js';

/** SHA-256 of every file that a rotation may touch on a host, by path; links are followed. */
export async function fileDigests(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await connection.run(
    sh`find /etc/kubernetes /var/lib/kubelet/pki /var/lib/kubelet/config.yaml \\( -type f -o -type l \\) -exec sha256sum {} +`,
    { become: true },
  );
  return new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const [digest, path] = line.split(/\s+/, 2);
      return digest && path ? [[`${connection.host}:${path}`, digest]] : [];
    }),
  );
}

/**
 * What differs between two looks. A leaf file of the new CA that stays beside the old one in the
 * kubelet's folder is not a difference: nothing points to it.
 */
export function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path));
}
