import { randomBytes } from 'node:crypto';
import type { Authority } from '../pki/certificate.js';
import { crossSign } from '../pki/authority.js';
import { parseCertificates, signedBy, type Certificate } from '../pki/certificate.js';
import { issueClient, reissue } from '../pki/issue.js';
import { newSerial } from '../pki/serial.js';
import type { Validity } from '../pki/sign.js';
import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import type { AuthorityPair, AuthorityStore, Generation, StoredAuthority } from './authorities.js';
import { certificatesOf } from './host-survey.js';
import type { FoundItem } from './locations.js';
import type { Holds } from './states.js';

/** kubeadm's own backdating (kubeadm/app/util/pkiutil): clocks may differ by this much. */
export const BACKDATE_MS = 5 * 60_000;

/** Lifetime of leaves that are issued anew, as kubeadm's: one year. */
const LEAF_DAYS = 365;
const DAY_MS = 86_400_000;

/** From `BACKDATE_MS` ago for a number of days, but never longer than the issuer. */
export function validity(now: Date, days: number, issuer?: Certificate): Validity {
  const notAfter = now.getTime() + days * DAY_MS;
  return {
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(Math.min(notAfter, issuer?.notAfter.getTime() ?? notAfter)),
  };
}

/** An authority that can sign. @throws CaravanError input: its key is not on the controller. */
export function signing(authority: StoredAuthority | undefined, which: string): Authority {
  if (!authority?.key) {
    throw new CaravanError(
      'input',
      `The key of the ${which} CA is needed and not in the state folder.`,
      {
        hint: `Put it beside its certificate as ${which.replace(' ', '/')}.key with mode 0600.`,
      },
    );
  }
  return { certificate: authority.certificate, key: authority.key };
}

/** A client leaf with a fresh key, in the form that a TLS client takes. */
export interface ClientLeaf {
  readonly certificate: string;
  readonly key: Secret;
}

/** A leaf for the calls of a run itself: canaries, probes. It is kept nowhere. */
export function passingLeaf(
  by: Authority,
  who: { readonly commonName: string; readonly organizations: readonly string[] },
  now: Date,
  days = 1,
): ClientLeaf {
  const { certificate, key } = issueClient({
    ...validity(now, days, by.certificate),
    ...who,
    serial: newSerial(randomBytes),
    by,
    keyAlgorithm: 'ecdsa-p256',
  });
  return { certificate: certificate.pem, key };
}

/** A leaf that has to change: what is there, and the whole text that takes its place. */
export interface PlannedLeaf {
  readonly found: FoundItem;
  readonly generation: Generation;
  /** The leaf alone, as it is remembered. */
  readonly leaf: string;
  /** What goes into the place: the leaf, with the cross-certificate where it must be shown. */
  readonly text: string;
}

/**
 * The leaf of one generation for the key that an item has: the one remembered, byte for byte, when
 * it still fits, else a new one. Subject, names and usages are those of the leaf that is there; its
 * private key is not needed and never leaves the host.
 */
export async function leafFor(
  store: AuthorityStore,
  pair: AuthorityPair,
  host: string,
  found: FoundItem,
  holds: Holds,
  now: Date,
): Promise<PlannedLeaf> {
  const generation: Generation = holds === 'old' ? 'old' : 'new';
  const issuer = pair[generation];
  const [current] = certificatesOf(found);
  if (!current || !issuer) {
    throw new CaravanError(
      'input',
      `${found.item.name} (${found.path}): no leaf, or no ${generation} CA.`,
    );
  }
  const kept = await store.leaf(host, found.item.name, generation);
  const leaf =
    kept !== undefined && fits(kept, current, issuer, now)
      ? kept
      : reissue(current, signing(issuer, `${found.item.authority} ${generation}`), {
          ...validity(now, LEAF_DAYS, issuer.certificate),
          serial: newSerial(randomBytes),
        }).pem;
  const bridge = holds === 'both' ? await crossCertificate(store, pair, found, now) : '';
  return { found, generation, leaf, text: leaf + bridge };
}

function fits(kept: string, current: Certificate, issuer: StoredAuthority, now: Date): boolean {
  const [leaf] = parseCertificates(kept);
  return (
    leaf !== undefined &&
    leaf.publicKeySha256 === current.publicKeySha256 &&
    leaf.notAfter.getTime() > now.getTime() + DAY_MS &&
    signedBy(leaf, issuer.certificate)
  );
}

/** The new CA's certificate signed by the old one: made once, then the same on every server. */
async function crossCertificate(
  store: AuthorityStore,
  pair: AuthorityPair,
  found: FoundItem,
  now: Date,
): Promise<string> {
  const path = `authorities/${found.item.authority}/cross.crt`;
  const next = pair.new;
  if (!next) throw new CaravanError('input', 'No new CA is prepared.');
  const kept = await store.kept(path);
  const [held] = parseCertificates(kept ?? '');
  if (
    kept !== undefined &&
    held?.publicKeySha256 === next.certificate.publicKeySha256 &&
    signedBy(held, pair.old.certificate)
  ) {
    return kept;
  }
  const old = signing(pair.old, `${found.item.authority} old`);
  const made = crossSign(next.certificate, old, {
    ...validity(now, LEAF_DAYS, pair.old.certificate),
    serial: newSerial(randomBytes),
  });
  await store.keep(path, Buffer.from(made.pem));
  return made.pem;
}
