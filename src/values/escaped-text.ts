/** One character of UTF-8 that takes several bytes, in text that has a character for each byte. */
const SEVERAL_BYTES =
  /([\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})|[\x80-\xff]/g;

/** Half a surrogate pair, which no text of UTF-8 holds: what {@link escapedText} makes of a byte. */
const ESCAPED = /([\udc80-\udcff])/u;

/**
 * Bytes as text, with what is not UTF-8 kept: such a byte is the character U+DC00 plus its value,
 * as in Python's `surrogateescape`. {@link escapedBytes} gives the same bytes back.
 */
export function escapedText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  return bytes
    .toString('latin1')
    .replace(SEVERAL_BYTES, (all, several?: string) =>
      several === undefined
        ? String.fromCharCode(0xdc00 + all.charCodeAt(0))
        : Buffer.from(several, 'latin1').toString('utf8'),
    );
}

/** The bytes of a text that {@link escapedText} gave. */
export function escapedBytes(text: string): Buffer {
  if (!ESCAPED.test(text)) return Buffer.from(text);
  const parts = text.split(ESCAPED);
  return Buffer.concat(
    parts.map((part, i) =>
      i % 2 === 1 ? Buffer.of(part.charCodeAt(0) - 0xdc00) : Buffer.from(part),
    ),
  );
}
