import { basename, dirname } from 'node:path/posix';
import { AUTHORITY_FILES, CATALOGUE } from '../pki/catalogue.js';
import { readFlags } from '../pki/static-pod.js';
import { asCaravanError } from '../values/error.js';
import { keyIsBeside } from './changes.js';
import { certificatesOf, STATIC_PODS, type HostSurvey, type StaticPod } from './host-survey.js';
import { MANIFESTS } from './locations.js';
import { wantedManifest } from './manifest.js';
import { CLIENT_CA_FLAG, signerFiles } from './signer.js';

/** What is found on one host that a rotation would break, or cannot prove; in words, none where it is as kubeadm makes it. */
export function unsupported(survey: HostSurvey): string[] {
  return [
    ...withKeys(survey),
    ...sharedAuthorities(survey),
    ...apiServer(survey),
    ...signer(survey),
    ...STATIC_PODS.flatMap((component) => manifest(survey, component)),
    ...expired(survey),
  ].map((what) => `${survey.host}: ${what}`);
}

function flagsOf(survey: HostSurvey, component: string): ReadonlyMap<string, string> {
  const manifest = survey.manifests[component];
  return manifest === undefined ? new Map<string, string>() : readFlags(manifest).flags;
}

/** A file is written whole, from certificates alone. */
function withKeys({ items, files }: HostSurvey): string[] {
  return items
    .filter(({ item, path, embedded }) => !embedded && !keyIsBeside(item, path))
    .filter(({ path }) => files[path]?.hasKey === true)
    .map(({ item, path }) => `${item.name} (${path}) has its private key in the same file`);
}

/** One file cannot hold two pairs. */
function sharedAuthorities({ items }: HostSurvey): string[] {
  const trust = items.filter(({ item, pem }) => item.knob === 'trust' && pem !== '');
  const paths = (authority: string): Set<string> =>
    new Set(trust.filter(({ item }) => item.authority === authority).map(({ path }) => path));
  const cluster = paths('cluster');
  return [...paths('front-proxy')]
    .filter((path) => cluster.has(path))
    .map((path) => `${path} is the CA of the cluster and of the front-proxy`);
}

/** Leaves that are verified with the cluster's CA, and that a rotation does not issue. */
function apiServer(survey: HostSurvey): string[] {
  const flags = flagsOf(survey, 'kube-apiserver');
  const found: string[] = [];
  const kubelets = survey.items.find(({ item }) => item.name === 'kube-apiserver kubelet CA');
  if (kubelets && certificatesOf(kubelets).length > 0)
    found.push(
      `kube-apiserver verifies kubelets (--kubelet-certificate-authority=${kubelets.path}), whose serving leaves are not rotated`,
    );
  const etcd = flags.get('etcd-cafile');
  if (etcd !== undefined && etcd === flags.get('client-ca-file'))
    found.push(
      `etcd has the CA of the cluster (--etcd-cafile=${etcd}), and its leaves are not rotated`,
    );
  return found;
}

/** Flags that would not be what they were when the signer is put together again. */
function signer(survey: HostSurvey): string[] {
  const flags = flagsOf(survey, 'kube-controller-manager');
  const perSigner = [...flags.keys()].filter((flag) =>
    /^cluster-signing-(kube|kubelet|legacy).*-cert-file$/.test(flag),
  );
  const found = perSigner.map(
    (flag) => `kube-controller-manager has a signer of its own by --${flag}`,
  );
  const files = signerFiles(survey);
  if (files === undefined || files.isSplit) return found;
  const { home } = files;
  const isNamed =
    basename(home.certificate) === AUTHORITY_FILES.cluster.certificate &&
    home.key === `${dirname(home.certificate)}/${AUTHORITY_FILES.cluster.key}`;
  if (!isNamed)
    found.push(
      `kube-controller-manager signs with ${home.certificate} and ${home.key}, not with ca.crt and ca.key of one folder`,
    );
  const clients = flags.get(CLIENT_CA_FLAG);
  if (clients !== undefined && clients !== home.certificate)
    found.push(
      `kube-controller-manager has another --client-ca-file (${clients}) than it signs with`,
    );
  return found;
}

/** What would be read from a manifest for less than there is, or could not be written into it. */
function manifest(survey: HostSurvey, component: StaticPod): string[] {
  const text = survey.manifests[component];
  const path = `${MANIFESTS}/${component}.yaml`;
  if (text === undefined) {
    const isMeant = Object.keys(survey.manifests).length > 0 && survey.startedAt[component];
    return isMeant ? [`${component} runs, but not from ${path}`] : [];
  }
  const { all } = readFlags(text);
  const said = text.replace(/^\s*#.*$/gm, '');
  const hidden = CATALOGUE.flatMap(({ location }) =>
    'flag' in location && location.component === component ? [location.flag] : [],
  ).filter((flag) => !all.has(flag) && new RegExp(`--${flag}[=\\s]`).test(said));
  if (hidden.length > 0)
    return [
      `${path} has ${[...new Set(hidden)].map((f) => `--${f}`).join(', ')} within a longer text`,
    ];
  try {
    const most = { holds: 'both', clients: 'old', servers: 'old', restart: 'always' } as const;
    wantedManifest(survey, component, most);
    return [];
  } catch (error) {
    return [`${path} cannot be edited: ${asCaravanError(error).message}`];
  }
}

/** A CA of the past: kube-apiserver takes none of its leaves, so that no state can be proven. */
function expired({ items, now }: HostSurvey): string[] {
  return items
    .filter(({ item }) => /^kube-apiserver (client|front-proxy) CA$/.test(item.name))
    .flatMap((found) => {
      const [only, second] = certificatesOf(found);
      if (only === undefined || second !== undefined || only.notAfter.getTime() > now * 1000)
        return [];
      return [
        `the CA in ${found.path} has expired, on ${only.notAfter.toISOString().slice(0, 10)}`,
      ];
    });
}
