import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapedBytes, escapedText } from './escaped-text.js';

test('escapedText keeps characters of UTF-8, and gives each other byte one of its own', () => {
  expect(escapedText(Buffer.from('\ufeffé€😀\ufffd'))).toBe('\ufeffé€😀\ufffd');
  expect(escapedText(Buffer.from('café \xe9 é\n', 'latin1'))).toBe('caf\udce9 \udce9 \udce9\n');
  expect(escapedText(Buffer.from([0x41, 0xed, 0xa0, 0x80, 0xc3, 0xa9, 0xe9]))).toBe(
    'A\udced\udca0\udc80é\udce9',
  );
});

test('escapedBytes gives back whatever bytes were read', () => {
  const byte = fc.oneof(fc.constantFrom(0x41, 0xc3, 0xa9, 0xed, 0xa0, 0xf0, 0x80), fc.nat(255));
  fc.assert(
    fc.property(fc.array(byte), (bytes) => {
      const given = Buffer.from(bytes);
      expect(escapedBytes(escapedText(given))).toEqual(given);
    }),
  );
});
