import * as z from 'zod';
import type { TaskModule } from '../../modules/module.js';
import { sh } from '../../values/shell.js';

const input = z.strictObject({});

/** Lines that a TLS error leaves in a log of Kubernetes' own components (Go's crypto/tls and x509). */
const PATTERN = 'x509: |tls: (bad|failed|unknown|expired|handshake|internal)';

/**
 * Reads the logs of what runs now, from its start on: the containers of static pods and the
 * kubelet. kube-apiserver's is left out: it names every client that it rightly refused.
 */
export const tlsErrors: TaskModule<z.infer<typeof input>, readonly string[]> = {
  name: 'tls_errors',
  doc: 'Find TLS errors in the logs of the running kube-controller-manager, kube-scheduler and kubelet.',
  input,
  observe: async (_input, context) => {
    const { connection, signal, host } = context;
    const { stdout } = await connection.run(
      sh`for dir in /var/log/pods/kube-system_kube-controller-manager-*/*/ /var/log/pods/kube-system_kube-scheduler-*/*/; do
  [ -d "$dir" ] || continue
  newest=$(ls "$dir" | sort -n | tail -n 1)
  grep -E ${PATTERN} "$dir$newest" | tail -n 5
done
pid=$(systemctl show -p MainPID --value kubelet)
journalctl -q --no-pager -o cat _PID="$pid" | grep -E ${PATTERN} | tail -n 5
true`,
      { become: true, signal },
    );
    const found = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => `${host.name}: ${line.slice(0, 300)}`);
    context.record('tls errors', found);
    return found;
  },
  check: (found) => ({
    changes: [],
    reason: found.length === 0 ? 'no TLS error in the logs' : found.join('\n'),
    result: { found },
  }),
  apply: () => Promise.resolve({ changed: false }),
};
