import type { TrustObject } from '../kubernetes/trust-objects.js';
import { parseCertificates } from '../pki/certificate.js';
import type { Authorities } from './authorities.js';
import { replacedTrust } from './changes.js';
import { seenInBundle, type Place } from './matrix.js';
import type { Holds } from './states.js';

/** The column of the matrix that holds the API's own objects. */
export const API_HOST = 'API';

/** A caBundle of somebody else's CA, or of none yet, is none of the rotation's business. */
export function isOurs(object: TrustObject, authorities: Authorities): boolean {
  const pair = authorities[object.authority];
  if (!pair) return false;
  if (object.kind !== 'caBundle') return true;
  try {
    const seen = seenInBundle(parseCertificates(object.pem), pair);
    return seen !== 'foreign' && seen !== 'missing';
  } catch {
    return false; // no PEM: whoever owns it has not filled it in
  }
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
        seen: pair ? seenInBundle(parseCertificates(object.pem), pair) : ('missing' as const),
      };
    });
}

/** The text that an object must hold, others' certificates in it kept. */
export function wantedPem(object: TrustObject, authorities: Authorities, holds: Holds): string {
  const pair = authorities[object.authority];
  return pair ? replacedTrust(parseCertificates(object.pem), pair, holds) : object.pem;
}
