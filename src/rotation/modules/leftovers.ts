import * as z from 'zod';
import { commandError } from '../../modules/host-change.js';
import type { ModuleContext, TaskModule } from '../../modules/module.js';
import { AUTHORITY_NAMES } from '../../pki/catalogue.js';
import { pipeFrom, sh } from '../../values/shell.js';
import type { AuthorityStore } from '../authorities.js';
import { traces } from '../leftovers.js';

const input = z.strictObject({
  /** The generation that should be nowhere any more. */
  of: z.enum(['old', 'new']),
  where: z.enum(['host', 'api']),
});

type Input = z.infer<typeof input>;

/** Folders of a host in which copies of a CA are found in practice. */
const FOLDERS = [
  '/etc/kubernetes',
  '/var/lib/kubelet/config.yaml',
  '/var/lib/kubelet/pki',
  '/etc/cni',
  '/root/.kube',
  '/home',
  '/etc/ssl/certs',
  '/usr/local/share/ca-certificates',
  '/opt',
  '/var/lib/etcd/pki',
];

/** Looks for copies that nobody remembers: in the files of a host, or in the objects of the API. */
export function leftoversScan(store: AuthorityStore): TaskModule<Input, readonly string[]> {
  return {
    name: 'leftovers',
    doc: 'Find every file of a host, or object of the API, that still holds an authority.',
    input,
    observe: async ({ of, where }, context) => {
      const authorities = await store.load();
      const patterns = AUTHORITY_NAMES.flatMap((name) => {
        const certificate = authorities[name]?.[of]?.certificate;
        return certificate ? traces(certificate) : [];
      });
      if (patterns.length === 0) return [];
      return where === 'host' ? scanHost(patterns, context) : scanApi(patterns, context);
    },
    check: (found, { of }) => ({
      changes: [],
      reason: `the ${of} CA is ${found.length === 0 ? 'nowhere' : 'still there'}`,
      // A result that is a message alone is always shown.
      ...(found.length > 0 && {
        result: { msg: `the ${of} CA is still in ${found.join(', ')}` },
      }),
    }),
    apply: () => Promise.resolve({ changed: false }),
  };
}

async function scanHost(patterns: readonly string[], context: ModuleContext): Promise<string[]> {
  const { connection, signal, host } = context;
  const { stdout } = await connection.run(
    sh`grep -rlF -f /dev/stdin ${FOLDERS} 2>/dev/null || true`,
    { become: true, signal, stdin: patterns.join('\n'), timeoutMs: 120_000 },
  );
  return report(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((path) => `${host.name}:${path}`),
    context,
  );
}

const API_RESOURCES =
  'configmaps,secrets,validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices,customresourcedefinitions';

/** Objects are searched on the control plane: no Secret is sent to the controller. */
async function scanApi(patterns: readonly string[], context: ModuleContext): Promise<string[]> {
  const { connection, signal } = context;
  const row =
    '{range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name} {.data} {.binaryData} {.webhooks} {.spec}{"\\n"}{end}';
  const searched = await connection.run(
    pipeFrom(
      sh`kubectl --kubeconfig /etc/kubernetes/admin.conf get ${API_RESOURCES} -A -o jsonpath=${row}`,
      sh`grep -F ${patterns.flatMap((pattern) => ['-e', pattern])} | cut -d ' ' -f 1`,
    ),
    { become: true, signal, timeoutMs: 120_000 },
  );
  // Of an API that was not read nothing is known.
  if (searched.code !== 0)
    throw commandError('search the objects of the API', searched, context.host.name);
  const { stdout } = searched;
  return report(stdout.split('\n').filter(Boolean), context);
}

function report(found: string[], context: ModuleContext): string[] {
  context.record('leftovers', found);
  return found;
}
