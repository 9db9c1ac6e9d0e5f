import { randomBytes } from 'node:crypto';
import type { Component } from '../pki/catalogue.js';
import { parseCertificates } from '../pki/certificate.js';
import { readFlags } from '../pki/static-pod.js';
import type { Connection } from '../transport/port.js';
import { CaravanError } from '../values/error.js';
import { sh, type Script } from '../values/shell.js';
import {
  foundItems,
  kubeletFlag,
  Locations,
  MANIFESTS,
  readingOf,
  type FoundItem,
  type RunningProcess,
  type SurveyedFile,
} from './locations.js';

/** All that a rotation reads of one host. Plain data, so that it can be set as a fact. */
export interface HostSurvey {
  readonly host: string;
  /** The host's clock when it was read, in seconds since 1970. */
  readonly now: number;
  readonly files: Readonly<Record<string, SurveyedFile>>;
  /** Start of each running component, in seconds since 1970. */
  readonly startedAt: Readonly<Partial<Record<Component, number>>>;
  readonly manifests: Readonly<Record<string, string>>;
  /** Path of the kubelet's kubeconfig. */
  readonly kubeletKubeconfig: string;
  readonly items: readonly FoundItem[];
}

const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml';
const KUBELET_LEAF = '/var/lib/kubelet/pki/kubelet-client-current.pem';
export const STATIC_PODS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;

/** One of {@link STATIC_PODS}. */
export type StaticPod = (typeof STATIC_PODS)[number];

/** What is cut out of every file: keys in PEM. */
export const CUT_KEYS = sh`-e '/-----BEGIN [A-Z ]*PRIVATE KEY-----/,/-----END [A-Z ]*PRIVATE KEY-----/d'`;

/**
 * What is cut out of files that may be kubeconfigs, in YAML or JSON: keys in base64, which begin as
 * certificates do up to the `C` of `BEGIN CERTIFICATE`; keys by name, and the further lines of a
 * value that has several, which is then seen to be no base64; and what else logs in.
 */
export const CUT_SECRETS = sh`-e 's|LS0tLS1CRUdJTiB[^D][A-Za-z0-9+/=]*|kept-on-host|g' \\
      -e 's|\\(client-key-data"\\{0,1\\} *: *\\)[^,} ][^,}]*|\\1kept-on-host|g' \\
      -e 's|\\([{," -]token"\\{0,1\\} *: *\\)[^,} ][^,}]*|\\1kept-on-host|g' \\
      -e 's|\\([{," -]password"\\{0,1\\} *: *\\)[^,} ][^,}]*|\\1kept-on-host|g' \\
      -e 's|^\\([[:space:]][[:space:]]*\\)[A-Za-z0-9+/=]\\{40,\\}$|\\1kept-on-host|'`;

/**
 * Prints files: two lines each of change time, mode and owner, for the path itself and for what a
 * symbolic link points to, then the text between two lines. `mark` begins every line that is not
 * text of a file; nobody can guess it. Private keys are cut out on the host, before anything is
 * sent. The change time counts, not the modification time, which a copy or a backup tool can set
 * back. Processes are costly on a busy host: one for each text, three for all the rest.
 */
export function show(mark: string, paths: readonly string[], cut: Script, more = sh``): Script {
  return sh`set -- ${paths} ${more}
for f do shift; [ ! -f "$f" ] || set -- "$@" "$f"; done
about() { stat "$@" 2>/dev/null; }
if [ $# -gt 0 ]; then
  about -c ${`${mark} file %.3Z %a %U:%G %n`} "$@" || about -c ${`${mark} file %Z %a %U:%G %n`} "$@"
  about -L -c ${`${mark} file %.3Z %a %U:%G %n`} "$@" || about -L -c ${`${mark} file %Z %a %U:%G %n`} "$@"
  grep -l -e 'PRIVATE KEY-----' -- "$@" 2>/dev/null | while IFS= read -r f; do
    printf '%s key %s\\n' ${mark} "$f"
  done
fi
for f do
  printf '%s text %s\\n' ${mark} "$f"
  sed ${cut} "$f"
  printf '\\n%s end\\n' ${mark}
done`;
}

/** Finds the Kubernetes processes of the host by name and says when each was started. */
const processes = (mark: string): Script => sh`
printf '%s now %s\\n' ${mark} "$(date +%s.%N)"
read -r up _ < /proc/uptime
hz=$(getconf CLK_TCK)
for p in /proc/[0-9]*; do
  { read -r comm < "$p/comm"; } 2>/dev/null || continue
  case $comm in kubelet | kube-apiserver | kube-controller | kube-controller-manager | kube-scheduler) ;; *) continue ;; esac
  { read -r stat < "$p/stat"; } 2>/dev/null || continue
  set -- \${stat##*) }
  printf '%s process %s %s %s %s\\n' ${mark} "\${20}" "$hz" "$up" "$(tr '\\0' ' ' < "$p/cmdline")"
done`;

const newMark = (): string => `caravan-${randomBytes(12).toString('hex')}`;

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
  const mark = newMark();
  const look = async (script: Script): Promise<Look> =>
    parseLook((await connection.run(script, options)).stdout, mark);
  const first = await look(sh`${processes(mark)}
${show(mark, [KUBELET_CONFIG], CUT_KEYS, sh`${MANIFESTS}/*.yaml`)}`);
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
  const config = kubeletFlag(first.processes, 'config') ?? KUBELET_CONFIG;
  const elsewhere = config in first.files ? {} : (await look(show(mark, [config], CUT_KEYS))).files;
  const own = { ...first.files, ...elsewhere };
  const paths = new Locations(manifests, first.processes, own[config]);
  const wanted = new Set(paths.all().map(({ path }) => path));
  const cut = sh`${CUT_KEYS} ${CUT_SECRETS}`;
  const second = await look(show(mark, [...wanted, KUBELET_LEAF], cut));
  const seen = { ...own, ...second.files };
  // kubeadm embeds certificates, but for the kubelet's leaf; others may name files of their own.
  const named = foundItems(paths.all(), seen).flatMap(({ path }) => (path in seen ? [] : [path]));
  const third = named.length > 0 ? await look(show(mark, named, cut)) : undefined;
  const files = { ...seen, ...third?.files };
  return {
    host: connection.host,
    now: first.now,
    files,
    startedAt: Object.fromEntries(first.processes.map((p) => [p.name, p.startedAt])),
    manifests,
    kubeletKubeconfig: paths.kubeletKubeconfig,
    items: foundItems(paths.all(), files),
  };
}

/** What runs on a host, by component. */
export interface RunningProcesses extends Pick<HostSurvey, 'now' | 'startedAt'> {
  /** Start in clock ticks since boot: exact, so that two looks at one process give the same. */
  readonly startTicks: Readonly<Partial<Record<Component, number>>>;
}

/** The running components and when each was started, by the host's own clock. One light round trip. */
export async function readProcesses(
  connection: Connection,
  signal?: AbortSignal,
): Promise<RunningProcesses> {
  const mark = newMark();
  const options = { become: true, ...(signal && { signal }) };
  const { stdout } = await connection.run(processes(mark), options);
  const { now = 0, processes: found } = parseLook(stdout, mark);
  return {
    now,
    startedAt: Object.fromEntries(found.map((p) => [p.name, p.startedAt])),
    startTicks: Object.fromEntries(found.map((p) => [p.name, p.ticks])),
  };
}

interface Look {
  readonly now: number | undefined;
  readonly files: Readonly<Record<string, SurveyedFile>>;
  readonly processes: readonly RunningProcess[];
}

/** Parses what the scripts above print. Pure. */
export function parseLook(stdout: string, mark: string): Look {
  const about = new Map<string, Omit<SurveyedFile, 'path' | 'text' | 'hasKey'>>();
  const withKey = new Set<string>();
  const files: Record<string, SurveyedFile> = {};
  const found: RunningProcess[] = [];
  let now: number | undefined;
  // What stands between two marks: a line, and for a text the lines of the file.
  for (const part of stdout.split(`${mark} `).slice(1)) {
    const end = part.indexOf('\n');
    const [kind, ...words] = part.slice(0, end).split(' ');
    if (kind === 'now') now = Number(words[0]);
    else if (kind === 'file') {
      const [at, mode = '', owner = '', ...path] = words;
      const before = about.get(path.join(' '))?.changedAt ?? 0;
      const changedAt = Math.max(before, Number(at));
      // The second line, of what a link points to, is right for mode and owner.
      about.set(path.join(' '), { changedAt, mode: parseInt(mode, 8), owner });
    } else if (kind === 'key') withKey.add(words.join(' '));
    else if (kind === 'text') {
      const path = words.join(' ');
      const facts = about.get(path);
      // One line end was put before the mark.
      const text = part.slice(end + 1, -1);
      if (facts) files[path] = { path, text, hasKey: withKey.has(path), ...facts };
    } else if (kind === 'process') {
      const [ticks, hz, up, program = '', ...args] = words;
      const name = program.split('/').at(-1) as Component;
      // Started = now - (uptime - ticks since boot): to 10 ms, where btime is to whole seconds. The
      // uptime is read after the clock: on a slow host the start seems too early, never too late.
      const startedAt = (now ?? 0) - (Number(up) - Number(ticks) / Number(hz));
      found.push({ name, ticks: Number(ticks), args, startedAt });
    }
  }
  // What a component forks bears its name until it becomes another program: the oldest is it.
  const isOldest = ({ name, ticks }: RunningProcess): boolean =>
    !found.some((other) => other.name === name && other.ticks < ticks);
  return { now, files, processes: found.filter(isOldest) };
}

/** The name of the host's node, which the kubelet's leaf bears; undefined where it has none. */
export function nodeNameOf({ items }: HostSurvey): string | undefined {
  const leaves = items
    .filter(({ item }) => item.location.kind === 'kubelet-kubeconfig' && item.knob === 'client')
    .flatMap(certificatesOf);
  return /CN=system:node:([^,\s]+)/.exec(leaves[0]?.subject ?? '')?.[1];
}

/** The port that kube-apiserver serves on. */
export function apiServerPort(manifests: HostSurvey['manifests']): number {
  const manifest = manifests['kube-apiserver'];
  const port = manifest === undefined ? undefined : readFlags(manifest).flags.get('secure-port');
  return Number(port ?? 6443);
}

/**
 * The certificates of an item.
 *
 * @throws CaravanError `input` when its text cannot be read; it names the file.
 */
export function certificatesOf({ path, pem }: FoundItem): ReturnType<typeof parseCertificates> {
  return readingOf(path, () => parseCertificates(pem));
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
  for (const name of STATIC_PODS) {
    // kube-apiserver reads nothing of a rotation at its start only, and a manifest that is another
    // restarts it by itself; one that was only touched must not.
    if (name !== 'kube-apiserver') note(name, `${MANIFESTS}/${name}.yaml`);
  }
  return [...newest].flatMap(([component, at]) => {
    const started = survey.startedAt[component];
    return at > 0 && (started === undefined || started < at) ? [component] : [];
  });
}
