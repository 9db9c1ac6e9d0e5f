import type { Certificate } from '../pki/certificate.js';
import { toPem } from '../pki/certificate.js';

/**
 * Texts that betray a certificate wherever it stands: a line of its PEM, and what that becomes when
 * the PEM is itself encoded in base64 (kubeconfigs, Secrets), at each of the three alignments that
 * bytes before it can give.
 */
export function traces(certificate: Certificate): string[] {
  const pem = toPem('CERTIFICATE', certificate.der);
  // The last whole line: of the signature, which no other certificate has. A line of names would
  // be found in the leaves that the authority signed, too.
  const line = pem.split('\n').findLast((one) => /^[^-]{64}$/.test(one)) ?? '';
  const inside = [0, 1, 2].map((skip) => {
    const part = line.slice(skip);
    return Buffer.from(part.slice(0, part.length - (part.length % 3))).toString('base64');
  });
  return [line, ...inside];
}
