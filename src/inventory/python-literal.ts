import { isMapping } from './mapping.js';
import { UnsafeText } from './marked-text.js';

/** Thrown inside this module where text is no Python literal. */
class NoLiteral extends Error {}

const MAX_DEPTH = 90;
/** Python makes no whole number of more digits (`sys.get_int_max_str_digits`). */
const MAX_DIGITS = 4_300;

/**
 * What Ansible's INI inventory makes of a value: a Python literal where it is one
 * (`ast.literal_eval`: numbers, text, lists, dictionaries, True, None), else the text itself.
 * Tuples and sets become lists, bytes become text, complex numbers stay text.
 */
export function readPythonValue(text: string): unknown {
  try {
    return new LiteralReader(text).read();
  } catch (thrown) {
    if (thrown instanceof NoLiteral) return text;
    throw thrown;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
};

const NUMBER =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:[0-9](?:_?[0-9])*)?\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?|[0-9](?:_?[0-9])*\.?(?:[eE][-+]?[0-9](?:_?[0-9])*)?)/y;

class LiteralReader {
  #at = 0;

  constructor(readonly text: string) {}

  read(): unknown {
    const value = this.#tuple('', 0);
    if (this.#peek() !== '') throw new NoLiteral();
    return value;
  }

  /** Next letter that is neither space nor comment, without taking it. */
  #peek(): string {
    const blank = /(?:[ \t\f\r\n]|#[^\n]*)*/y;
    blank.lastIndex = this.#at;
    blank.exec(this.text);
    this.#at = blank.lastIndex;
    return this.text.charAt(this.#at);
  }

  #take(letter: string): void {
    if (this.#peek() !== letter) throw new NoLiteral();
    this.#at += 1;
  }

  /** `1, 2` up to `close`; one value without a comma is that value. */
  #tuple(close: string, depth: number): unknown {
    if (close !== '' && this.#peek() === close) return [];
    const first = this.#value(depth);
    if (this.#peek() !== ',') return first;
    const items = [first];
    while (this.#peek() === ',') {
      this.#at += 1;
      if (this.#peek() === close) break;
      items.push(this.#value(depth));
    }
    return items;
  }

  #items(close: string, depth: number): unknown[] {
    const items: unknown[] = [];
    while (this.#peek() !== close) {
      items.push(this.#value(depth));
      if (this.#peek() !== close) this.#take(',');
    }
    this.#at += 1;
    return items;
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new NoLiteral();
    const letter = this.#peek();
    if (letter === '[') {
      this.#at += 1;
      return this.#items(']', depth + 1);
    }
    if (letter === '(') {
      this.#at += 1;
      const value = this.#tuple(')', depth + 1);
      this.#take(')');
      return value;
    }
    if (letter === '{') return this.#braces(depth + 1);
    if (letter === '-' || letter === '+') return this.#signed(letter);
    if (/[0-9.]/.test(letter)) return this.#number();
    return this.#word();
  }

  #braces(depth: number): unknown {
    this.#take('{');
    const pairs: [string, unknown][] = [];
    const items: unknown[] = [];
    while (this.#peek() !== '}') {
      const key = this.#value(depth);
      if (this.#peek() === ':' && items.length === 0) {
        this.#at += 1;
        pairs.push([keyText(key), this.#value(depth)]);
      } else if (pairs.length === 0) items.push(key);
      else throw new NoLiteral();
      if (this.#peek() !== '}') this.#take(',');
    }
    this.#at += 1;
    return items.length > 0 ? [...new Set(items)] : Object.fromEntries(pairs);
  }

  #signed(sign: string): unknown {
    this.#at += 1;
    if (!/[0-9.]/.test(this.#peek())) throw new NoLiteral();
    const start = this.#at;
    const value = this.#number();
    if (sign === '+') return value;
    // -0 is 0 for a whole number and -0.0 for any other
    if (value === 0 && !/[.eE]/.test(this.text.slice(start, this.#at))) return 0;
    return -value;
  }

  #number(): number | bigint {
    const run = /[\w.]*/y;
    run.lastIndex = this.#at;
    if ((run.exec(this.text)?.[0].length ?? 0) > MAX_DIGITS) throw new NoLiteral();
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.text)?.[0];
    const next = found === undefined ? '' : this.text.charAt(this.#at + found.length);
    // 1j is complex, 1a and 1_ are errors, and 1 + 2 is no literal: all stay text
    if (found === undefined || /[\p{L}\p{N}_.]/u.test(next)) throw new NoLiteral();
    if (/^0[0-9_]*[1-9]/.test(found) && !/[.eE]/.test(found)) throw new NoLiteral();
    this.#at += found.length;
    const plain = found.replaceAll('_', '');
    if (/^0[xob]/i.test(plain) || !/[.eE]/.test(plain)) {
      const big = BigInt(/^0+$/.test(plain) ? '0' : plain);
      const number = Number(big);
      return Number.isSafeInteger(number) ? number : big;
    }
    return Number(plain);
  }

  #word(): unknown {
    const rest = /(?:True|False|None|set\(\s*\)|\.\.\.)(?![\p{L}\p{N}_])/uy;
    rest.lastIndex = this.#at;
    const word = rest.exec(this.text)?.[0];
    if (word === undefined) return this.#strings();
    this.#at += word.length;
    if (word.startsWith('set')) return [];
    if (word === 'None') return null;
    return { True: true, False: false }[word] ?? '...';
  }

  /** One string or several side by side, which Python joins. Bytes are text that Ansible does not trust. */
  #strings(): string | UnsafeText {
    const start = /([rR]?[bB]|[bB]?[rR]|[uU])?("""|'''|"|')/y;
    const parts: string[] = [];
    let bytes = 0;
    for (;;) {
      this.#peek();
      start.lastIndex = this.#at;
      const match = start.exec(this.text);
      if (!match) break;
      this.#at = start.lastIndex;
      const prefix = match[1]?.toLowerCase() ?? '';
      if (prefix.includes('b')) bytes += 1;
      parts.push(this.#string(match[2] ?? '', prefix));
    }
    if (parts.length === 0 || (bytes > 0 && bytes < parts.length)) throw new NoLiteral();
    const text = parts.join('');
    if (bytes === 0) return text;
    if (!/^[\x00-\x7f]*$/.test(text)) throw new NoLiteral();
    return new UnsafeText(text);
  }

  #string(quote: string, prefix: string): string {
    let value = '';
    while (!this.text.startsWith(quote, this.#at)) {
      const letter = this.text.charAt(this.#at);
      if (letter === '' || (letter === '\n' && quote.length === 1)) throw new NoLiteral();
      this.#at += 1;
      value += letter === '\\' ? this.#escape(prefix) : letter;
    }
    this.#at += quote.length;
    return value;
  }

  #escape(prefix: string): string {
    const next = this.text.charAt(this.#at);
    if (next === '') throw new NoLiteral();
    if (prefix.includes('r')) {
      this.#at += 1;
      return `\\${next}`;
    }
    const coded = /[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y;
    coded.lastIndex = this.#at;
    const code = coded.exec(this.text)?.[0];
    if (code !== undefined && !(prefix.includes('b') && /^[uU]/.test(code))) {
      this.#at += code.length;
      const point = /^[0-7]/.test(code) ? parseInt(code, 8) : parseInt(code.slice(1), 16);
      if (point > 0x10ffff) throw new NoLiteral();
      return String.fromCodePoint(point);
    }
    if (/[xuUN]/.test(next) && !prefix.includes('b')) throw new NoLiteral();
    this.#at += 1;
    return ESCAPES[next] ?? `\\${next}`;
  }
}

/** A dictionary key as Python's JSON writes it. */
function keyText(key: unknown): string {
  if (Array.isArray(key) || isMapping(key)) throw new NoLiteral();
  return String(key);
}
