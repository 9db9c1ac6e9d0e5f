import type { Certificate } from '../pki/certificate.js';
import { toPem } from '../pki/certificate.js';

/**
 * Texts that betray a certificate wherever it stands: a line of its PEM, what that becomes when the
 * PEM is itself encoded in base64 (kubeconfigs, Secrets), and what becomes of that in turn (a
 * kubeconfig in a Secret).
 */
export function traces(certificate: Certificate): string[] {
  const pem = toPem('CERTIFICATE', certificate.der);
  // The last whole line: of the signature, which no other certificate has. A line of names would
  // be found in the leaves that the authority signed, too.
  const line = pem.split('\n').findLast((one) => /^[^-]{64}$/.test(one)) ?? '';
  const once = encoded(line);
  return [line, ...once, ...once.flatMap(encoded)];
}

/** A text in base64, at each of the three alignments that bytes before it can give. */
function encoded(text: string): string[] {
  return [0, 1, 2].map((skip) => {
    const part = text.slice(skip);
    return Buffer.from(part.slice(0, part.length - (part.length % 3))).toString('base64');
  });
}
