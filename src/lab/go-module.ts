import { createHash } from 'node:crypto';

/** A Go module of ours under `lab/kubernetes/`, and what is built from it. */
export interface GoModule {
  /** Folder under `lab/kubernetes/`, and the name in the cache. */
  readonly name: 'kubernetes' | 'etcd' | 'coredns' | 'pause';
  /** Packages to build; a program's name is the last part of its package's. */
  readonly programs: readonly { readonly program: string; readonly package: string }[];
  /** How long it takes on two cores with empty caches, for whoever waits. */
  readonly expected: string;
}

const command = (name: string): { program: string; package: string } => ({
  program: name,
  package: `k8s.io/kubernetes/cmd/${name}`,
});

/** Everything that runs in a lab, by the module that it is built from. */
export const GO_MODULES: readonly GoModule[] = [
  {
    name: 'kubernetes',
    programs: [
      ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map(command),
      ...['kubelet', 'kubeadm', 'kubectl'].map(command),
      { program: 'agnhost', package: 'k8s.io/kubernetes/test/images/agnhost' },
    ],
    expected: '6 to 8 minutes',
  },
  {
    name: 'etcd',
    programs: [
      { program: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
      { program: 'etcdctl', package: 'go.etcd.io/etcd/etcdctl/v3' },
    ],
    expected: 'half a minute',
  },
  {
    name: 'coredns',
    programs: [{ program: 'coredns', package: 'github.com/coredns/coredns' }],
    expected: 'a minute and a half',
  },
  { name: 'pause', programs: [{ program: 'pause', package: '.' }], expected: 'a few seconds' },
];

/** Linker flags: small programs, and Kubernetes programs that know their version. */
export function linkerFlags(module: GoModule, kubernetes: string): string {
  if (module.name !== 'kubernetes') return '-s -w';
  const [major, minor] = kubernetes.slice(1).split('.');
  const set = { gitVersion: kubernetes, gitMajor: major, gitMinor: minor };
  const flags = Object.entries(set).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value ?? ''}`,
  );
  return ['-s -w', ...flags].join(' ');
}

/** Name of a module's folder in the cache: changes with all that its programs depend on. */
export function moduleKey(module: GoModule, kubernetes: string, goMod: string): string {
  const parts = [linkerFlags(module, kubernetes), goMod, JSON.stringify(module.programs)];
  const version = module.name === 'kubernetes' ? `-${kubernetes}` : '';
  return `${module.name}${version}-${digest(parts)}`;
}

/** A short digest of texts, for names in the cache. */
export function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}

/**
 * go.mod for a Kubernetes version, from Kubernetes' own go.mod of that version: its staging modules
 * stand in folders there, and are published with v0 for v1.
 */
export function renderGoMod(kubernetes: string, upstream: string): string {
  const go = /^go (\S+)$/m.exec(upstream)?.[1] ?? '1.26.0';
  const staging = [...upstream.matchAll(/^\s*(k8s\.io\/[a-z-]+) => \.\/staging/gm)].map(
    (m) => m[1],
  );
  const published = kubernetes.replace(/^v1\./, 'v0.');
  const programs = GO_MODULES[0]?.programs ?? [];
  return [
    '// What Caravan builds Kubernetes from where its release cannot be downloaded.',
    'module caravan.invalid/lab/kubernetes',
    '',
    `go ${go}`,
    '',
    `require k8s.io/kubernetes ${kubernetes}`,
    '',
    'tool (',
    ...programs.map((program) => `\t${program.package}`),
    ')',
    '',
    'replace (',
    ...staging.map((name) => `\t${name ?? ''} => ${name ?? ''} ${published}`),
    ')',
    '',
  ].join('\n');
}
