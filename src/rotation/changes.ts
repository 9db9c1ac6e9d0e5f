import type { HostChange } from '../modules/host-change.js';
import { bundle } from '../pki/bundle.js';
import type { AuthorityName, CatalogueItem } from '../pki/catalogue.js';
import { parseCertificates, signedBy, type Certificate } from '../pki/certificate.js';
import { CaravanError } from '../values/error.js';
import { sh, type Script } from '../values/shell.js';
import type { Authorities, AuthorityPair } from './authorities.js';
import { certificatesOf, type HostSurvey } from './host-survey.js';
import type { FoundItem } from './locations.js';
import { seenInBundle, type Place, type Seen } from './matrix.js';
import type { Holds } from './states.js';

/** What an item on a host is seen to hold. */
export function seenIn(found: FoundItem, authorities: Authorities): Seen {
  const pair = authorities[found.item.authority];
  const certificates = certificatesOf(found);
  const [leaf, ...chain] = certificates;
  if (!pair || !leaf) return 'missing';
  if (found.item.knob === 'trust' || found.item.knob === 'signer') {
    return seenInBundle(certificates, pair);
  }
  if (pair.new && signedBy(leaf, pair.new.certificate)) {
    const bridged = chain.some((ca) => signedBy(ca, pair.old.certificate));
    return found.item.knob === 'server' && bridged ? 'both' : 'new';
  }
  return signedBy(leaf, pair.old.certificate) ? 'old' : 'foreign';
}

/** The places of one host, for the matrix. */
export function placesOf(survey: HostSurvey, authorities: Authorities): Place[] {
  return survey.items
    .filter(({ item }) => authorities[item.authority])
    .map((found) => ({
      host: survey.host,
      item: found.item.name,
      authority: found.item.authority,
      knob: found.item.knob,
      path: found.path,
      seen: seenIn(found, authorities),
    }));
}

/** A pair, or the reason why a step that needs it cannot go on. */
export function pairOf(authorities: Authorities, name: AuthorityName): AuthorityPair {
  const pair = authorities[name];
  if (!pair) {
    throw new CaravanError('input', `No ${name} authority is in the state folder.`, {
      hint: 'Run `caravan rotate` from its first step, which reads it from the control planes.',
    });
  }
  return pair;
}

/** The certificates that stand for one generation or both, old first: kubeadm reads only the first. */
export function trustText(
  pair: AuthorityPair,
  holds: Holds,
  extras: readonly Certificate[] = [],
): string {
  const next = holds === 'old' ? undefined : pair.new;
  if (holds !== 'old' && !next) {
    throw new CaravanError('input', 'The state asked for trusts a new CA, but none is prepared.');
  }
  const texts = [holds === 'new' ? '' : pair.old.pem, next?.pem ?? ''];
  return texts.map(endLine).join('') + bundle(extras);
}

const endLine = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

/** The text that takes a bundle's place: the pair as a state needs it, others' certificates kept. */
export function replacedTrust(
  held: readonly Certificate[],
  pair: AuthorityPair,
  holds: Holds,
): string {
  const ours = new Set(
    [pair.old, pair.new].map((authority) => authority?.certificate.fingerprintSha256),
  );
  const extras = held.filter((certificate) => !ours.has(certificate.fingerprintSha256));
  return trustText(pair, holds, extras);
}

/** Trust bundles of a host that do not hold what a state needs. Each path is changed once. */
export function trustChanges(
  survey: HostSurvey,
  authorities: Authorities,
  holds: Holds,
): HostChange[] {
  const todo = new Map<string, HostChange>();
  for (const found of survey.items) {
    const pair = authorities[found.item.authority];
    if (found.item.knob !== 'trust' || !pair) continue;
    const seen = seenIn(found, authorities);
    if (seen === holds) continue;
    const text = replacedTrust(certificatesOf(found), pair, holds);
    todo.set(
      `${found.path} ${found.embedded ? 'embedded' : 'file'}`,
      certificateChange(found, text, `${found.item.name}: ${seen} → ${holds}`),
    );
  }
  return [...todo.values()];
}

/**
 * Puts certificates in the place of an item: a PEM file is written whole; in a kubeconfig exactly
 * the base64 text is replaced, on the host, so that the key beside it never leaves the host.
 */
export function certificateChange(found: FoundItem, pem: string, what: string): HostChange {
  const diff = {
    path: found.path,
    ...(found.pem !== '' && { before: describe(parseCertificates(found.pem)) }),
    after: describe(parseCertificates(pem)),
  };
  const summary = `${found.path}: ${what}`;
  if (!found.embedded) return { kind: 'write', path: found.path, content: pem, summary, diff };
  return {
    kind: 'run',
    summary,
    diff,
    script: replaceText(found.path, toBase64(found.pem), toBase64(pem)),
  };
}

const toBase64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** Replaces base64 text in a file in one rename, keeping mode and owner; fails where it is absent. */
function replaceText(path: string, before: string, after: string): Script {
  return sh`set -eu
f=${path}
grep -qF ${before} "$f" || { echo "the text to replace is not in $f any more" >&2; exit 1; }
umask 077
t=$(mktemp "$f.caravan-XXXXXXXX")
trap 'rm -f "$t"' EXIT
sed ${`s|${before}|${after}|`} "$f" > "$t"
chown "$(stat -c %u:%g "$f")" "$t"
chmod "$(stat -c %a "$f")" "$t"
sync "$t"
mv "$t" "$f"
trap - EXIT`;
}

/** Whether kube-apiserver shows this leaf when it calls kubelets. */
export function isShownToKubelets({ location }: CatalogueItem): boolean {
  return location.kind === 'flag' && location.flag === 'kubelet-client-certificate';
}

/** Whether a file holds a private key beside its certificate, as the kubelet's does. */
export function keyIsBeside(item: CatalogueItem, path: string): boolean {
  return item.location.kind === 'kubelet-kubeconfig' && path.endsWith('-current.pem');
}

/**
 * Switches the kubelet's `kubelet-client-current.pem` to a file with another certificate for the
 * same key. The key is copied on the host. A file that already holds that certificate is used as
 * it is, which makes going back exact. The link is switched by a rename, as the kubelet does
 * (client-go/util/certificate/certificate_store.go). `dropBefore` removes the file that it pointed
 * to: what a rotation made is gone again after a roll-back.
 */
export function switchKubeletLeaf(
  found: FoundItem,
  pem: string,
  what: string,
  stamp: string,
  dropBefore: boolean,
): HostChange {
  return {
    kind: 'run',
    summary: `${found.path}: ${what}`,
    diff: {
      path: found.path,
      before: describe(parseCertificates(found.pem)),
      after: describe(parseCertificates(pem)),
    },
    script: sh`set -eu
link=${found.path}
dir=$(dirname "$link")
umask 077
t=$(mktemp "$dir/.caravan-XXXXXXXX")
trap 'rm -f "$t" "$t.link"' EXIT
keys='/-----BEGIN [A-Z ]*PRIVATE KEY-----/,/-----END [A-Z ]*PRIVATE KEY-----/'
# By cat, since printf of some shells does not say what a full disk is.
put() { printf %s "$1" | cat > "$t"; }
# A kubelet that has renewed its leaf since has another key.
put ${found.pem}
if [ "$(sed "$keys"d "$link")" != "$(cat "$t")" ]; then
  echo "$link holds another certificate than before: the kubelet has renewed it; run again" >&2
  exit 1
fi
put ${pem}
wanted=$(cat "$t")
target=
for f in "$dir"/kubelet-client-*.pem; do
  [ -f "$f" ] && [ "$f" != "$link" ] || continue
  [ "$(sed "$keys"d "$f")" = "$wanted" ] && grep -q 'PRIVATE KEY' "$f" && target=$f && break
done
if [ -z "$target" ]; then
  sed -n "$keys"p "$link" >> "$t"
  grep -q 'PRIVATE KEY' "$t"
  target=$dir/kubelet-client-${stamp}.pem
  sync "$t"
  mv "$t" "$target"
fi
before=$(readlink -f "$link")
ln -s "$target" "$t.link"
mv -T "$t.link" "$link"
rm -f "$t"
${dropBefore ? sh`[ "$before" = "$target" ] || rm -f "$before"` : sh`:`}
trap - EXIT`,
  };
}

/** Certificates as a diff shows them: a line each. */
export function describe(certificates: readonly Certificate[]): string {
  return certificates
    .map(
      (c) =>
        `${c.subject} issued by ${c.issuer}, until ${c.notAfter.toISOString().slice(0, 10)}, sha256 ${c.fingerprintSha256.slice(0, 16)}\n`,
    )
    .join('');
}
