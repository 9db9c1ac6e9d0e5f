import { load } from 'js-yaml';
import { CATALOGUE, type CatalogueItem, type Component } from '../pki/catalogue.js';
import { parseCertificates } from '../pki/certificate.js';
import { readKubeconfig } from '../pki/kubeconfig.js';
import { readFlags } from '../pki/static-pod.js';
import type { Connection } from '../transport/port.js';
import { CaravanError } from '../values/error.js';
import { sh, type Script } from '../values/shell.js';

/** A file as a survey reads it: never with a private key in it. Times in seconds since 1970. */
export interface SurveyedFile {
  readonly path: string;
  readonly text: string;
  readonly changedAt: number;
  readonly mode: number;
  readonly owner: string;
}

/** One item of the catalogue as it stands on a host. */
export interface FoundItem {
  readonly item: CatalogueItem;
  readonly path: string;
  /** Whether the certificates are embedded in a kubeconfig rather than in a PEM file. */
  readonly embedded: boolean;
  /** PEM text of what is there; empty where the file is missing or holds none. */
  readonly pem: string;
}

/** All that a rotation reads of one host. Plain data, so that it can be set as a fact. */
export interface HostSurvey {
  readonly host: string;
  /** The host's clock when it was read, in seconds since 1970. */
  readonly now: number;
  readonly files: Readonly<Record<string, SurveyedFile>>;
  /** Start of each running component, in seconds since 1970. */
  readonly startedAt: Readonly<Partial<Record<Component, number>>>;
  readonly manifests: Readonly<Record<string, string>>;
  readonly items: readonly FoundItem[];
}

const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml';
const KUBELET_KUBECONFIG = '/etc/kubernetes/kubelet.conf';
const MANIFESTS = '/etc/kubernetes/manifests';
const STATIC_PODS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;

/**
 * Shell functions shared by both round trips. `show` prints one line for a file: change time, mode,
 * owner, content in base64, path. Private keys are cut out on the host, before anything is sent.
 * The change time counts, not the modification time, which a copy or a backup tool can set back;
 * of a symbolic link the later of its own and its target's.
 */
const SHOW = sh`
no_keys() {
  sed -e '/-----BEGIN [A-Z ]*PRIVATE KEY-----/,/-----END [A-Z ]*PRIVATE KEY-----/d' \\
      -e 's/^\\( *client-key-data:\\).*/\\1 kept-on-host/' -e 's/^\\( *token:\\).*/\\1 kept-on-host/' "$1"
}
changed() { stat -c %.3Z "$@" 2>/dev/null || stat -c %Z "$@"; }
show() {
  [ -f "$1" ] || return 0
  at=$( { changed "$1"; changed -L "$1"; } | sort -n | tail -n 1)
  printf 'file %s %s %s %s\\n' "$at" "$(stat -L -c '%a %U:%G' "$1")" "$(no_keys "$1" | base64 | tr -d '\\n')" "$1"
}`;

/** Finds the Kubernetes processes of the host by name and says when each was started. */
const PROCESSES = sh`
printf 'now %s\\n' "$(date +%s.%N)"
read -r up _ < /proc/uptime
hz=$(getconf CLK_TCK)
for p in /proc/[0-9]*; do
  { read -r comm < "$p/comm"; } 2>/dev/null || continue
  case $comm in kubelet | kube-apiserver | kube-controller | kube-controller-manager | kube-scheduler) ;; *) continue ;; esac
  ticks=$(sed 's/.*) //' "$p/stat" 2>/dev/null | cut -d ' ' -f 20)
  [ -n "$ticks" ] || continue
  printf 'process %s %s %s %s\\n' "$ticks" "$hz" "$up" "$(tr '\\0' ' ' < "$p/cmdline" | base64 | tr -d '\\n')"
done`;

function firstLook(): Script {
  return sh`${SHOW}
${PROCESSES}
show ${KUBELET_CONFIG}
for f in ${MANIFESTS}/*.yaml; do show "$f"; done`;
}

/**
 * Reads a host in two round trips: what runs and how it is configured, then every file that the
 * configuration names.
 *
 * @throws CaravanError command: the host's files cannot be read (for example without root).
 */
export async function readHostSurvey(
  connection: Connection,
  signal?: AbortSignal,
): Promise<HostSurvey> {
  const options = { become: true, ...(signal && { signal }) };
  const first = parseLook((await connection.run(firstLook(), options)).stdout);
  if (first.now === undefined) {
    throw new CaravanError(
      'command',
      'Read the clock and processes of the host: it gave nothing.',
      {
        host: connection.host,
        hint: 'The survey needs root, a POSIX shell, coreutils and sed on the host.',
      },
    );
  }
  const manifests = Object.fromEntries(
    STATIC_PODS.flatMap((name) => {
      const file = first.files[`${MANIFESTS}/${name}.yaml`];
      return file ? [[name, file.text]] : [];
    }),
  );
  const paths = new Locations(manifests, first);
  const wanted = [...new Set(paths.all().map(({ path }) => path))];
  const second = parseLook(
    (
      await connection.run(
        sh`${SHOW}
for f in ${wanted} /var/lib/kubelet/pki/kubelet-client-current.pem; do show "$f"; done`,
        options,
      )
    ).stdout,
  );
  const files = { ...first.files, ...second.files };
  return {
    host: connection.host,
    now: first.now,
    files,
    startedAt: Object.fromEntries(first.processes.map((p) => [p.name, p.startedAt])),
    manifests,
    items: foundItems(paths.all(), files),
  };
}

/** The running components and when each was started, by the host's own clock. One light round trip. */
export async function readProcesses(
  connection: Connection,
  signal?: AbortSignal,
): Promise<Pick<HostSurvey, 'now' | 'startedAt'>> {
  const { stdout } = await connection.run(PROCESSES, { become: true, ...(signal && { signal }) });
  const { now = 0, processes } = parseLook(stdout);
  return { now, startedAt: Object.fromEntries(processes.map((p) => [p.name, p.startedAt])) };
}

interface Look {
  readonly now: number | undefined;
  readonly files: Readonly<Record<string, SurveyedFile>>;
  readonly processes: readonly { name: Component; startedAt: number; args: readonly string[] }[];
}

/** Parses what the scripts above print. Pure. */
export function parseLook(stdout: string): Look {
  const files: Record<string, SurveyedFile> = {};
  const processes: Look['processes'][number][] = [];
  let now: number | undefined;
  for (const line of stdout.split('\n')) {
    const [kind, a = '', b = '', c = '', d = '', ...rest] = line.split(' ');
    if (kind === 'now') now = Number(a);
    else if (kind === 'file') {
      const path = rest.join(' ');
      files[path] = {
        path,
        text: Buffer.from(d, 'base64').toString('utf8'),
        changedAt: Number(a),
        mode: parseInt(b, 8),
        owner: c,
      };
    } else if (kind === 'process') {
      const args = Buffer.from(d, 'base64').toString('utf8').trim().split(' ');
      const name = args[0]?.split('/').at(-1) as Component;
      // Started = now - (uptime - ticks since boot): to 10 ms, where btime is to whole seconds.
      processes.push({ name, args, startedAt: (now ?? 0) - (Number(c) - Number(a) / Number(b)) });
    }
  }
  return { now, files, processes };
}

/** Resolves the catalogue's locations to paths on one host. */
class Locations {
  readonly #flags: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #kubelet: { readonly kubeconfig: string; readonly clientCa: string | undefined };

  constructor(manifests: Readonly<Record<string, string>>, look: Look) {
    this.#flags = new Map(
      Object.entries(manifests).map(([name, text]) => [name, readFlags(text).flags]),
    );
    const config = (load(look.files[KUBELET_CONFIG]?.text ?? '{}') ?? {}) as {
      authentication?: { x509?: { clientCAFile?: string } };
    };
    const kubelet = look.processes.find((process) => process.name === 'kubelet');
    const argument = kubelet?.args.find((arg) => arg.startsWith('--kubeconfig='));
    this.#kubelet = {
      kubeconfig: argument?.slice('--kubeconfig='.length) ?? KUBELET_KUBECONFIG,
      clientCa: config.authentication?.x509?.clientCAFile,
    };
  }

  all(): readonly { item: CatalogueItem; path: string; field?: string }[] {
    return CATALOGUE.flatMap((item) => {
      const path = this.#path(item);
      return path === undefined ? [] : [{ item, path }];
    });
  }

  #path({ location }: CatalogueItem): string | undefined {
    switch (location.kind) {
      case 'flag':
      case 'flag-kubeconfig':
        return this.#flags.get(location.component)?.get(location.flag);
      case 'kubeconfig':
        return this.#flags.size > 0 ? location.path : undefined;
      case 'kubelet-client-ca':
        return this.#kubelet.clientCa;
      case 'kubelet-kubeconfig':
        return this.#kubelet.kubeconfig;
    }
  }
}

function foundItems(
  locations: readonly { item: CatalogueItem; path: string }[],
  files: Readonly<Record<string, SurveyedFile>>,
): FoundItem[] {
  return locations.flatMap(({ item, path }): FoundItem[] => {
    const file = files[path];
    if (!('field' in item.location)) {
      return [{ item, path, embedded: false, pem: file?.text ?? '' }];
    }
    // admin.conf and super-admin.conf need not be on every control plane.
    if (!file)
      return item.location.kind === 'kubeconfig' ? [] : [{ item, path, embedded: true, pem: '' }];
    const config = readKubeconfig(file.text);
    const held =
      item.location.field === 'certificateAuthority'
        ? config.clusters[0]?.certificateAuthority
        : config.users[0]?.clientCertificate;
    if (held === undefined) return [{ item, path, embedded: true, pem: '' }];
    if ('pem' in held) return [{ item, path, embedded: true, pem: held.pem }];
    const named = held.file;
    return [{ item, path: named, embedded: false, pem: files[named]?.text ?? '' }];
  });
}

/** The certificates of an item. */
export function certificatesOf(found: FoundItem): ReturnType<typeof parseCertificates> {
  return parseCertificates(found.pem);
}

/**
 * Components that run with older content than what is on disk: some file that they read at their
 * start has changed since. The truth behind every restart: no restart is remembered, it is seen
 * to be needed.
 */
export function staleComponents(survey: HostSurvey): readonly Component[] {
  const newest = new Map<Component, number>();
  const note = (component: Component, path: string): void => {
    const at = survey.files[path]?.changedAt ?? 0;
    newest.set(component, Math.max(newest.get(component) ?? 0, at));
  };
  for (const { item, path } of survey.items) {
    if (item.readAtStartBy) note(item.readAtStartBy, path);
  }
  for (const name of STATIC_PODS) note(name, `${MANIFESTS}/${name}.yaml`);
  return [...newest].flatMap(([component, at]) => {
    const started = survey.startedAt[component];
    return at > 0 && (started === undefined || started < at) ? [component] : [];
  });
}
