import type { Certificate } from '../pki/certificate.js';
import { toPem } from '../pki/certificate.js';

/**
 * Texts that betray a certificate wherever it stands: a line of its PEM, and what that becomes when
 * the PEM is itself encoded in base64 (kubeconfigs, Secrets), at each of the three alignments that
 * bytes before it can give.
 */
export function traces(certificate: Certificate): string[] {
  const pem = toPem('CERTIFICATE', certificate.der);
  // Its second body line: beyond what certificates of one issuer have in common at their start.
  const line = pem.split('\n')[2] ?? '';
  const inside = [0, 1, 2].map((skip) => {
    const part = line.slice(skip);
    return Buffer.from(part.slice(0, part.length - (part.length % 3))).toString('base64');
  });
  return [line, ...inside];
}
