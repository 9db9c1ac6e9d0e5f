import { isMap, isScalar, isSeq, type Document, type Scalar, type YAMLMap } from 'yaml';
import { CaravanError } from '../values/error.js';
import { readYaml, refuseAliases, spliced, type Splice } from './splice.js';

/** A file that the kubeconfig names, or the PEM text that it embeds. */
export type FileOrPem = { readonly file: string } | { readonly pem: string };

/** An entry of `clusters`. */
export interface KubeconfigCluster {
  readonly name: string;
  readonly server: string;
  /** Embedded data wins over a file, as in client-go (tools/clientcmd). */
  readonly certificateAuthority?: FileOrPem;
}

/** An entry of `users`. */
export interface KubeconfigUser {
  readonly name: string;
  readonly clientCertificate?: FileOrPem;
  /** The file of the private key, where one is named. */
  readonly clientKeyFile?: string;
  /** Whether `client-key-data` stands there; its value is never read. */
  readonly hasKeyData: boolean;
}

/** What a kubeconfig says about certificates. */
export interface Kubeconfig {
  readonly clusters: readonly KubeconfigCluster[];
  readonly users: readonly KubeconfigUser[];
  /** What `current-context` names; the first of each where it names none. */
  readonly current: { readonly cluster?: KubeconfigCluster; readonly user?: KubeconfigUser };
}

const AUTHORITY_DATA = 'certificate-authority-data';
const CERTIFICATE_DATA = 'client-certificate-data';

/** Entries of a list: the name, and the map under `cluster`, `user` or `context`. */
function entries(document: Document, list: 'clusters' | 'users' | 'contexts') {
  const found = document.get(list);
  if (!isSeq(found)) return [];
  return found.items.filter(isMap).flatMap((entry) => {
    const body = entry.get(list.slice(0, -1));
    return isMap(body) ? [{ name: text(entry, 'name') ?? '', body }] : [];
  });
}

function scalar(map: YAMLMap, key: string): Scalar | undefined {
  const node = map.get(key, true);
  return isScalar(node) ? node : undefined;
}

function text(map: YAMLMap, key: string): string | undefined {
  const value = scalar(map, key)?.value;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function withoutAliases(kubeconfig: string): Document {
  const document = readYaml(kubeconfig, 'kubeconfig');
  refuseAliases(document, 'kubeconfig');
  return document;
}

/** The document; a redacted key that is no YAML (`***`) is looked past. */
function read(kubeconfig: string): Document {
  const masked = kubeconfig.replace(
    /^([ \t]*(?:- +)?client-key-data:[ \t]*)(\S.*)$/gm,
    (_line, key: string, value: string) => key + 'x'.repeat(value.length),
  );
  let document: Document;
  try {
    document = withoutAliases(kubeconfig);
  } catch {
    document = withoutAliases(masked);
  }
  if (!isMap(document.contents)) {
    throw new CaravanError('input', 'The kubeconfig is not a mapping.');
  }
  return document;
}

function fileOrPem(map: YAMLMap, dataKey: string, fileKey: string): FileOrPem | undefined {
  const data = text(map, dataKey)?.replace(/\s/g, '');
  if (data === undefined) {
    const file = text(map, fileKey);
    return file === undefined ? undefined : { file };
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(data)) {
    throw new CaravanError('input', `The kubeconfig's ${dataKey} is not base64 in one line.`, {
      hint: 'Write it in one line, without folding.',
    });
  }
  return { pem: Buffer.from(data, 'base64').toString('utf8') };
}

/**
 * What a kubeconfig says about certificates, file by file and PEM by PEM. The PEM text is not
 * looked into, and keys are not read.
 *
 * @throws CaravanError `input` when the text is no YAML mapping or embedded data is not base64.
 */
export function readKubeconfig(kubeconfig: string): Kubeconfig {
  const document = read(kubeconfig);
  const clusters = entries(document, 'clusters').map(({ name, body }) => {
    const certificateAuthority = fileOrPem(body, AUTHORITY_DATA, 'certificate-authority');
    const server = text(body, 'server') ?? '';
    return { name, server, ...(certificateAuthority && { certificateAuthority }) };
  });
  const users = entries(document, 'users').map(({ name, body }) => {
    const clientCertificate = fileOrPem(body, CERTIFICATE_DATA, 'client-certificate');
    const clientKeyFile = text(body, 'client-key');
    return {
      name,
      ...(clientCertificate && { clientCertificate }),
      ...(clientKeyFile !== undefined && { clientKeyFile }),
      hasKeyData: body.has('client-key-data'),
    };
  });
  const wanted = document.get('current-context');
  const context = entries(document, 'contexts').find(({ name }) => name === wanted)?.body;
  const chosen = <T extends { name: string }>(all: readonly T[], key: string): T | undefined => {
    const name = context && text(context, key);
    return name === undefined ? all[0] : all.find((one) => one.name === name);
  };
  const cluster = chosen(clusters, 'cluster');
  const user = chosen(users, 'user');
  return { clusters, users, current: { ...(cluster && { cluster }), ...(user && { user }) } };
}

/** The replacement of one base64 scalar in the style it has. */
function replaced(kubeconfig: string, node: Scalar, pem: string): Splice | undefined {
  const base64 = Buffer.from(pem, 'utf8').toString('base64');
  if (!node.range || node.value === '' || node.value === null) return undefined;
  const [start, end] = node.range;
  const quote = /^["']/.exec(kubeconfig.slice(start, start + 1))?.[0] ?? '';
  const newline = /\r?\n$/.exec(kubeconfig.slice(start, end))?.[0] ?? '';
  return { start, end, with: quote + base64 + quote + newline };
}

/**
 * The kubeconfig with other embedded certificates, and not one other byte changed. Every cluster
 * (every user) that embeds data gets the given one; those that name a file stay as they are.
 *
 * @throws CaravanError `input` when the text is no YAML mapping, or embeds none of what is to be
 * set.
 */
export function setKubeconfigData(
  kubeconfig: string,
  data: { readonly certificateAuthority?: string; readonly clientCertificate?: string },
): string {
  const document = read(kubeconfig);
  const set = (list: 'clusters' | 'users', key: string, pem: string | undefined): Splice[] => {
    if (pem === undefined) return [];
    const splices = entries(document, list)
      .map(({ body }) => scalar(body, key))
      .flatMap((node) => (node && replaced(kubeconfig, node, pem)) ?? []);
    if (splices.length > 0) return splices;
    throw new CaravanError('input', `The kubeconfig embeds no ${key} that could be replaced.`, {
      hint: 'Where it names a file, change that file.',
    });
  };
  return spliced(kubeconfig, [
    ...set('clusters', AUTHORITY_DATA, data.certificateAuthority),
    ...set('users', CERTIFICATE_DATA, data.clientCertificate),
  ]);
}
