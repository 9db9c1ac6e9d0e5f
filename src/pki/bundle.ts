import type { Certificate } from './certificate.js';

/** The certificates in order, each only once (by fingerprint). */
export function withoutDuplicates(certs: readonly Certificate[]): Certificate[] {
  return [...new Map(certs.map((cert) => [cert.fingerprintSha256, cert] as const)).values()];
}

/** PEM text of the certificates in order, each only once. Empty text for an empty list. */
export function bundle(certs: readonly Certificate[]): string {
  return withoutDuplicates(certs)
    .map((cert) => cert.pem)
    .join('');
}

/** Whether the very same certificate is among them. */
export function includes(certs: readonly Certificate[], wanted: Certificate): boolean {
  return certs.some((cert) => cert.fingerprintSha256 === wanted.fingerprintSha256);
}

/** The certificates but one. */
export function without(certs: readonly Certificate[], unwanted: Certificate): Certificate[] {
  return certs.filter((cert) => cert.fingerprintSha256 !== unwanted.fingerprintSha256);
}
