import { dirname, resolve } from 'node:path/posix';
import { CATALOGUE, type CatalogueItem, type Component } from '../pki/catalogue.js';
import { readKubeconfig } from '../pki/kubeconfig.js';
import { readYaml } from '../pki/splice.js';
import { readFlags } from '../pki/static-pod.js';
import { asCaravanError, CaravanError } from '../values/error.js';

/** A file as a survey reads it: never with a private key in it. Times in seconds since 1970. */
export interface SurveyedFile {
  readonly path: string;
  readonly text: string;
  readonly changedAt: number;
  readonly mode: number;
  readonly owner: string;
  /** Whether a private key in PEM stands in it. */
  readonly hasKey: boolean;
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

/** A running component. */
export interface RunningProcess {
  readonly name: Component;
  readonly ticks: number;
  readonly startedAt: number;
  readonly args: readonly string[];
}

/** A host's static pods, in the folder that kubeadm gives the kubelet. */
export const MANIFESTS = '/etc/kubernetes/manifests';

const KUBELET_KUBECONFIG = '/etc/kubernetes/kubelet.conf';

/**
 * What is read out of a file's text.
 *
 * @throws CaravanError `input` when it cannot be read; it names the file.
 */
export function readingOf<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const { message, detail } = asCaravanError(cause);
    throw new CaravanError('input', `${path}: ${message}`, { ...detail, cause });
  }
}

/** A flag of the running kubelet, written `--flag=value` or `--flag value`. */
export function kubeletFlag(
  processes: readonly RunningProcess[],
  flag: string,
): string | undefined {
  const { args = [] } = processes.find(({ name }) => name === 'kubelet') ?? {};
  const at = args.findLastIndex((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`));
  const [, value] = /=([^]*)/.exec(args[at] ?? '') ?? [];
  return value ?? (at < 0 ? undefined : args[at + 1]);
}

/**
 * Resolves the catalogue's locations to paths on one host.
 *
 * @throws CaravanError `input` when a manifest, or the kubelet's configuration, cannot be read; it
 * names the file.
 */
export class Locations {
  readonly #flags: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #kubelet: { readonly kubeconfig: string; readonly clientCa: string | undefined };

  constructor(
    manifests: Readonly<Record<string, string>>,
    processes: readonly RunningProcess[],
    kubeletConfig: Pick<SurveyedFile, 'path' | 'text'> = { path: '', text: '{}' },
  ) {
    this.#flags = new Map(
      Object.entries(manifests).map(([name, text]) => [
        name,
        readingOf(`${MANIFESTS}/${name}.yaml`, () => readFlags(text).flags),
      ]),
    );
    const document = readingOf(kubeletConfig.path, () =>
      readYaml(kubeletConfig.text, 'kubelet configuration'),
    );
    const config = document.toJS() as {
      authentication?: { x509?: { clientCAFile?: string } };
    } | null;
    const named = config?.authentication?.x509?.clientCAFile;
    this.#kubelet = {
      kubeconfig: kubeletFlag(processes, 'kubeconfig') ?? KUBELET_KUBECONFIG,
      // A flag wins over the configuration, whose paths begin at its own folder.
      clientCa:
        kubeletFlag(processes, 'client-ca-file') ??
        (named && resolve(dirname(kubeletConfig.path), named)),
    };
  }

  get kubeletKubeconfig(): string {
    return this.#kubelet.kubeconfig;
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
        // kubeadm's external CA mode writes signing flags that are empty.
        return this.#flags.get(location.component)?.get(location.flag) || undefined;
      case 'kubeconfig':
        return this.#flags.size > 0 ? location.path : undefined;
      case 'kubelet-client-ca':
        return this.#kubelet.clientCa;
      case 'kubelet-kubeconfig':
        return this.#kubelet.kubeconfig;
    }
  }
}

/**
 * What stands at the locations, as far as the files were read.
 *
 * @throws CaravanError `input` when a kubeconfig cannot be read; it names the file.
 */
export function foundItems(
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
    const { cluster, user } = readingOf(path, () => readKubeconfig(file.text).current);
    const held =
      item.location.field === 'certificateAuthority'
        ? cluster?.certificateAuthority
        : user?.clientCertificate;
    if (held === undefined) return [{ item, path, embedded: true, pem: '' }];
    if ('pem' in held) return [{ item, path, embedded: true, pem: held.pem }];
    const named = resolve(dirname(path), held.file);
    return [{ item, path: named, embedded: false, pem: files[named]?.text ?? '' }];
  });
}
