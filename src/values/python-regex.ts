/** Flags that a Python pattern starts with: `(?i)`. */
const INLINE = /^\(\?([aiLmsux]+)\)/;

const ANY = '[\\s\\S]';
const START = `(?<!${ANY})`;
const END = `(?!${ANY})`;

/** What `\w` and `\d` hold in a class: letters and digits of all scripts, as in Python. */
const UNICODE = { w: '\\p{L}\\p{N}_', d: '\\p{Nd}' };
const ASCII = { w: 'a-zA-Z0-9_', d: '0-9' };

/** What is read so far, and how what follows is to be read. */
interface Reading {
  readonly pattern: string;
  at: number;
  /** Flags, by group: `(?i:x)` changes them up to its bracket. */
  readonly flags: Set<string>[];
  /** Whether letters of both cases are wanted and the whole expression does not say so. */
  readonly isWholeCaseless: boolean;
}

function has(reading: Reading, flag: string): boolean {
  return reading.flags.at(-1)?.has(flag) === true;
}

/** Takes what the expression finds next. */
function take(reading: Reading, expression: RegExp): RegExpExecArray | undefined {
  const sticky = new RegExp(expression, 'y');
  sticky.lastIndex = reading.at;
  const match = sticky.exec(reading.pattern) ?? undefined;
  if (match !== undefined) reading.at = sticky.lastIndex;
  return match;
}

const literal = (char: string): string => char.replace(/^[\\^$.*+?()[\]{}|/]$/, '\\$&');

/** The other case of a letter, where a group alone takes both. */
function otherCase(reading: Reading, char: string): string {
  if (reading.isWholeCaseless || !has(reading, 'i')) return '';
  const other = char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase();
  return other === char || other.length !== char.length ? '' : other;
}

const CHARACTER = /\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[tnrfv]/;

/** An escape outside of a class. */
function escape(reading: Reading): string {
  const character = take(reading, CHARACTER) ?? take(reading, /\\[sS]|\\[1-9]\d?/);
  if (character !== undefined) return character[0];
  const [, next = ''] = take(reading, /\\([\s\S])/u) ?? [];
  const { w, d } = has(reading, 'a') ? ASCII : UNICODE;
  const edge = `(?<=[${w}])(?![${w}])|(?<![${w}])(?=[${w}])`;
  const known: Readonly<Record<string, string>> = {
    ...{ A: START, Z: END, a: '\\x07', 0: '\\0' },
    ...{ w: `[${w}]`, W: `[^${w}]`, d: `[${d}]`, D: `[^${d}]` },
    ...{ b: `(?:${edge})`, B: `(?!${edge})` },
  };
  // Another letter is an error of Python's, and one of JavaScript's.
  return known[next] ?? (/[A-Za-z0-9]/.test(next) || next === '' ? `\\${next}` : literal(next));
}

/** One member of a class; that of `\W` is a class of its own, since none holds another. */
function member(reading: Reading): { inner: string; apart?: string } {
  const { w, d } = has(reading, 'a') ? ASCII : UNICODE;
  const kind = take(reading, /\\([wWdD])/)?.[1];
  if (kind === 'W' || kind === 'D') return { inner: '', apart: `[^${kind === 'W' ? w : d}]` };
  if (kind !== undefined) return { inner: kind === 'w' ? w : d };
  const special = take(reading, /\\[sSb]/) ?? take(reading, CHARACTER);
  if (special !== undefined) return { inner: special[0] };
  const range = take(reading, /([a-zA-Z])-([a-zA-Z])/);
  if (range !== undefined) {
    const [whole, from = '', to = ''] = range;
    const [first, last] = [otherCase(reading, from), otherCase(reading, to)];
    return { inner: whole + (first === '' || last === '' ? '' : `${first}-${last}`) };
  }
  const [, escaped, plain = ''] = take(reading, /\\([\s\S])|([\s\S])/u) ?? [];
  if (escaped === undefined) return { inner: literal(plain) + otherCase(reading, plain) };
  if (escaped === 'a' || escaped === '0') return { inner: escaped === 'a' ? '\\x07' : '\\0' };
  return { inner: /[A-Za-z0-9-]/.test(escaped) ? `\\${escaped}` : literal(escaped) };
}

/** A class, from its bracket on. A bracket that closes stands for itself where it comes first. */
function characterClass(reading: Reading): string {
  const isNegated = take(reading, /\[\^?/)?.[0] === '[^';
  let inner = take(reading, /\]/) === undefined ? '' : '\\]';
  const apart: string[] = [];
  while (take(reading, /\]/) === undefined) {
    if (reading.at >= reading.pattern.length) throw new SyntaxError('a `[` is not closed');
    const one = member(reading);
    inner += one.inner;
    if (one.apart !== undefined) apart.push(one.apart);
  }
  if (apart.length === 0) return `[${isNegated ? '^' : ''}${inner}]`;
  const all = [...(inner === '' ? [] : [`[${inner}]`]), ...apart].join('|');
  return isNegated ? `(?:(?!${all})${ANY})` : `(?:${all})`;
}

/** What a bracket opens, with its flags. */
function group(reading: Reading): string {
  if (take(reading, /\(\?#[^)]*\)/) !== undefined) return '(?:)';
  const name = take(reading, /\(\?P=(\w+)\)/)?.[1];
  if (name !== undefined) return `\\k<${name}>`;
  const current = new Set(reading.flags.at(-1));
  reading.flags.push(current);
  const scoped = take(reading, /\(\?([aimsux]*)(?:-([imsx]+))?:/);
  if (scoped !== undefined) {
    const [, on = '', off = ''] = scoped;
    if (off.includes('i') && reading.isWholeCaseless)
      throw new SyntaxError('a group of a pattern that ignores case cannot heed it');
    for (const flag of on) current.add(flag);
    for (const flag of off) current.delete(flag);
    return '(?:';
  }
  if (take(reading, /\(\?P</) !== undefined) return '(?<';
  return take(reading, /\(\?(?:[:=!]|<[=!])?|\(/)?.[0] ?? '(';
}

/** The next part of the pattern, in JavaScript's words. */
function part(reading: Reading): string {
  const char = reading.pattern.charAt(reading.at);
  if (char === '\\') return escape(reading);
  if (char === '[') return characterClass(reading);
  if (char === '(') return group(reading);
  if (has(reading, 'x') && take(reading, /\s+|#[^\n]*/) !== undefined) return '';
  const repeated = take(reading, /\{(?:(\d+)|(\d*),(\d*))\}/);
  if (repeated !== undefined) {
    const [, exact, from = '', to = ''] = repeated;
    return exact === undefined ? `{${from || '0'},${to}}` : `{${exact}}`;
  }
  const [plain = ''] = take(reading, /[\s\S]/u) ?? [];
  const isMultiline = has(reading, 'm');
  if (plain === ')' && reading.flags.length > 1) reading.flags.pop();
  if (plain === '.') return has(reading, 's') ? ANY : '[^\\n]';
  if (plain === '^') return isMultiline ? '(?<![^\\n])' : START;
  if (plain === '$') return isMultiline ? '(?![^\\n])' : `(?=\\n?${END})`;
  if ('{}]'.includes(plain)) return `\\${plain}`;
  const other = otherCase(reading, plain);
  return other === '' ? plain : `[${plain}${other}]`;
}

/**
 * A Python regular expression as one of JavaScript. `flags` are JavaScript's; those that the
 * pattern starts with are added. What the two read otherwise is written out, so that the
 * expression has no flags `m` and `s`, and has `u`.
 * @throws SyntaxError where JavaScript cannot read it.
 */
export function pythonRegex(pattern: string, flags = ''): RegExp {
  const wanted = new Set(`${flags}${INLINE.exec(pattern)?.[1] ?? ''}`);
  const reading: Reading = {
    pattern: pattern.replace(INLINE, ''),
    at: 0,
    flags: [wanted],
    isWholeCaseless: wanted.has('i'),
  };
  let text = '';
  while (reading.at < reading.pattern.length) text += part(reading);
  return new RegExp(text, `${[...wanted].filter((flag) => 'giy'.includes(flag)).join('')}u`);
}

/** A Python replacement (`\1`, `\g<name>`) as one of JavaScript. */
export function pythonReplacement(text: string): string {
  return text
    .replaceAll('$', '$$$$')
    .replace(/\\g<(\w+)>|\\(\d)|\\n|\\t|\\\\/g, (all, name?: string, digit?: string) => {
      if (digit !== undefined) return digit === '0' ? '$&' : `$${digit}`;
      if (name !== undefined)
        return /^\d+$/.test(name) ? (name === '0' ? '$&' : `$${name}`) : `$<${name}>`;
      return all === '\\n' ? '\n' : all === '\\t' ? '\t' : '\\';
    });
}
