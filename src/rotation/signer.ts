import { dirname } from 'node:path/posix';
import { AUTHORITY_FILES, type AuthorityName } from '../pki/catalogue.js';
import { readFlags } from '../pki/static-pod.js';
import type { Generation } from './authorities.js';
import type { HostSurvey } from './host-survey.js';

/**
 * The split of kube-controller-manager's files. `--cluster-signing-cert-file` cannot be a bundle
 * (kubeadm#1350: "expected 1 certificate, found 2"), so while `ca.crt` is one, the signer and the
 * client CA have files of their own in this folder beside it, and the flags point there.
 */
export interface SignerFiles {
  /** Whether the flags point to the split files now. */
  readonly isSplit: boolean;
  readonly folder: string;
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string;
  /** The one pair of files that the flags point to before and after a rotation. */
  readonly home: { readonly certificate: string; readonly key: string };
}

const FOLDER = 'rotation';
const CERTIFICATE_FLAG = 'cluster-signing-cert-file';
const KEY_FLAG = 'cluster-signing-key-file';
export const CLIENT_CA_FLAG = 'client-ca-file';

/**
 * Where the split files of a control plane are, or undefined where it signs nothing (no manifest,
 * or no signing flags, or empty ones: kubeadm's external CA mode).
 */
export function signerFiles(survey: HostSurvey): SignerFiles | undefined {
  const manifest = survey.manifests['kube-controller-manager'];
  const flags = manifest === undefined ? undefined : readFlags(manifest).flags;
  const [certificate, key] = [flags?.get(CERTIFICATE_FLAG), flags?.get(KEY_FLAG)];
  if (!certificate || !key) return undefined;
  const isSplit = dirname(certificate).endsWith(`/${FOLDER}`);
  const home = isSplit ? dirname(dirname(certificate)) : dirname(certificate);
  const folder = `${home}/${FOLDER}`;
  return {
    isSplit,
    folder,
    certificate: `${folder}/signer.crt`,
    key: `${folder}/signer.key`,
    clientCa: `${folder}/client-ca.crt`,
    home: isSplit
      ? {
          certificate: `${home}/${AUTHORITY_FILES.cluster.certificate}`,
          key: `${home}/${AUTHORITY_FILES.cluster.key}`,
        }
      : { certificate, key },
  };
}

/**
 * Where a copy of an authority stands beside the split files, while both are trusted: with these a
 * lost state folder is filled again (docs/adr/0013).
 */
export function copyOf(
  { folder }: SignerFiles,
  name: AuthorityName,
  generation: Generation,
): { readonly certificate: string; readonly key: string } {
  const base = `${folder}/${name}-${generation}`;
  return { certificate: `${base}.crt`, key: `${base}.key` };
}

/** kube-controller-manager's flags, split or not. */
export function signerFlags(files: SignerFiles, split: boolean): Readonly<Record<string, string>> {
  const { certificate, key } = split ? files : files.home;
  return {
    [CERTIFICATE_FLAG]: certificate,
    [KEY_FLAG]: key,
    [CLIENT_CA_FLAG]: split ? files.clientCa : files.home.certificate,
  };
}
