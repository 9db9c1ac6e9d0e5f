/**
 * A new serial number in hex: positive and exactly 20 octets, the most that RFC 5280 section
 * 4.1.2.2 allows, of which 158 bits are random.
 *
 * @param randomBytes `node:crypto`'s, or fixed bytes in a test.
 */
export function newSerial(randomBytes: (size: number) => Buffer): string {
  const bytes = Buffer.from(randomBytes(20));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}
