import type { TrustObject } from '../kubernetes/trust-objects.js';
import { parseCertificates, type Certificate } from '../pki/certificate.js';
import { asCaravanError } from '../values/error.js';
import type { Authorities } from './authorities.js';
import { replacedTrust } from './changes.js';
import { traces } from './leftovers.js';
import { readingOf } from './locations.js';
import { seenInBundle, type Place } from './matrix.js';
import type { Holds } from './states.js';

/** The column of the matrix that holds the API's own objects. */
export const API_HOST = 'API';

const nameOf = ({ kind, path }: TrustObject): string =>
  kind === 'caBundle' ? `${kind} of ${path}` : `${kind} ${path}`;

function certificatesIn(object: TrustObject): readonly Certificate[] {
  return readingOf(nameOf(object), () => parseCertificates(object.pem));
}

/** A caBundle of somebody else's CA, or of none yet, is none of the rotation's business. */
export function isOurs(object: TrustObject, authorities: Authorities): boolean {
  const pair = authorities[object.authority];
  if (!pair) return false;
  if (object.kind !== 'caBundle') return true;
  try {
    const seen = seenInBundle(certificatesIn(object), pair);
    return seen !== 'foreign' && seen !== 'missing';
  } catch {
    return false; // no PEM: whoever owns it has not filled it in, or unreadable() tells of it
  }
}

/**
 * The caBundles, in words, that hold a CA beside something that is no certificate. kube-apiserver
 * passes over that and believes the CA (crypto/x509, AppendCertsFromPEM).
 */
export function unreadable(objects: readonly TrustObject[], authorities: Authorities): string[] {
  return objects.flatMap((object) => {
    const { old, new: next } = authorities[object.authority] ?? {};
    const lines = [old, next].flatMap((one) => (one ? traces(one.certificate).slice(0, 1) : []));
    if (object.kind !== 'caBundle' || !lines.some((line) => object.pem.includes(line))) return [];
    try {
      certificatesIn(object);
      return [];
    } catch (error) {
      return [`the ${asCaravanError(error).message.replace(/\.$/, '')}`];
    }
  });
}

/** The places that API objects are. */
export function apiPlaces(objects: readonly TrustObject[], authorities: Authorities): Place[] {
  return objects
    .filter((object) => isOurs(object, authorities))
    .map((object) => {
      const pair = authorities[object.authority];
      return {
        host: API_HOST,
        item: object.authority === 'cluster' ? object.kind : `${object.kind} (front-proxy)`,
        authority: object.authority,
        knob: 'trust' as const,
        path: object.path,
        seen: pair ? seenInBundle(certificatesIn(object), pair) : ('missing' as const),
      };
    });
}

/** The text that an object must hold, others' certificates in it kept. */
export function wantedPem(object: TrustObject, authorities: Authorities, holds: Holds): string {
  const pair = authorities[object.authority];
  return pair ? replacedTrust(certificatesIn(object), pair, holds) : object.pem;
}
