import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './lines.js';
import { MarkerScanner } from './markers.js';

const nonce = '00112233445566778899aabbccddeeff';

function scan(stream: Buffer, cuts: readonly number[]): { output: Buffer; code?: number } {
  const pieces: Buffer[] = [];
  const scanner = new MarkerScanner(nonce, (bytes) => pieces.push(Buffer.from(bytes)));
  const ends = [...cuts.map((cut) => cut % (stream.length + 1)), stream.length];
  let from = 0;
  for (const to of ends.sort((a, b) => a - b)) {
    scanner.push(stream.subarray(from, to));
    from = to;
  }
  const code = scanner.end === undefined ? undefined : Number(scanner.end);
  return { output: Buffer.concat(pieces), ...(code === undefined ? {} : { code }) };
}

/** Output that tempts the scanner: pieces of the nonce among other bytes. */
const tempting = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(nonce.length - 1).map((size) => Buffer.from(nonce.slice(0, size))),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

test('MarkerScanner gives exactly what stands before the marker, however it is cut', () => {
  fc.assert(
    fc.property(tempting, fc.nat(255), fc.array(fc.nat(400)), (out, code, cuts) => {
      const stream = Buffer.concat([out, Buffer.from(`${nonce}:${code}\nlater`)]);
      const found = scan(stream, cuts);
      expect(found.code).toBe(code);
      expect(found.output.equals(out)).toBe(true);
    }),
  );
});

test('MarkerScanner has no code until the whole end marker has come', () => {
  const stream = Buffer.from(`x${nonce}:1`);
  expect(scan(stream, []).code).toBeUndefined();
  expect(scan(Buffer.concat([stream, Buffer.from('2\n')]), [stream.length]).code).toBe(12);
});

test('MarkerScanner gives bytes at once when they cannot be part of a marker', () => {
  const pieces: string[] = [];
  const scanner = new MarkerScanner(nonce, (bytes) => pieces.push(bytes.toString()));
  scanner.push(Buffer.from('a line\n'));
  expect(pieces).toEqual(['a line\n']);
});

test('LineSplitter gives the same lines however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(50)), (text, cuts) => {
      const bytes = Buffer.from(text);
      const lines: string[] = [];
      const splitter = new LineSplitter((line) => lines.push(line));
      const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
      let from = 0;
      for (const to of ends.sort((a, b) => a - b)) {
        splitter.push(bytes.subarray(from, to));
        from = to;
      }
      splitter.end();
      const wanted = bytes.toString('utf8').split('\n');
      if (wanted.at(-1) === '') wanted.pop();
      expect(lines).toEqual(wanted);
    }),
  );
});

test('LineSplitter gives a line of 16 MiB that comes in 16,384 pieces', () => {
  const lines: number[] = [];
  const splitter = new LineSplitter((line) => lines.push(line.length));
  const piece = Buffer.alloc(1024, 'x');
  for (let i = 0; i < 16_384; i++) splitter.push(piece);
  splitter.push(Buffer.from('\n'));
  expect(lines).toEqual([16 * 1024 * 1024]);
});

test('MarkerScanner keeps no marker back that has no end', () => {
  const { output } = scan(Buffer.from(`${nonce}:${'x'.repeat(100)}`), []);
  expect(output.length).toBeGreaterThan(100);
});
