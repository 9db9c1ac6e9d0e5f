import type { Connection } from '../transport/port.js';
import { CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';

/** kubeadm's own administrator kubeconfig, on every control plane. */
const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

/** How one call is made. */
export interface KubectlOptions {
  readonly signal?: AbortSignal;
  /** Default 60,000. */
  readonly timeoutMs?: number;
  /** Text for `-f -` or `--patch-file /dev/stdin`. */
  readonly stdin?: string;
}

/**
 * kubectl on a control plane, through the SSH connection that is there anyway: it needs neither a
 * kubeconfig nor a route to the API on the controller.
 *
 * @returns standard output.
 * @throws CaravanError command: kubectl's own message.
 */
export async function kubectl(
  connection: Connection,
  args: readonly string[],
  { signal, timeoutMs = 60_000, stdin }: KubectlOptions = {},
): Promise<string> {
  const seconds = Math.ceil(timeoutMs / 1000);
  const { code, stdout, stderr } = await connection.run(
    sh`kubectl ${['--kubeconfig', ADMIN_KUBECONFIG, `--request-timeout=${seconds}s`, ...args]}`,
    {
      become: true,
      timeoutMs: timeoutMs + 5_000,
      ...(signal && { signal }),
      ...(stdin !== undefined && { stdin }),
    },
  );
  if (code !== 0) {
    throw new CaravanError(
      'command',
      `kubectl ${args.join(' ').slice(0, 200)}: ${lastLine(stderr)}`,
      {
        host: connection.host,
        hint: 'The API must answer on this control plane with /etc/kubernetes/admin.conf.',
      },
    );
  }
  return stdout;
}

/** The same, parsed as JSON (`-o json` is added). */
export async function kubectlJson<T>(
  connection: Connection,
  args: readonly string[],
  options?: KubectlOptions,
): Promise<T> {
  return JSON.parse(await kubectl(connection, [...args, '-o', 'json'], options)) as T;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
