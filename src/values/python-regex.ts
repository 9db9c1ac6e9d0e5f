/** Flags that a Python pattern starts with: `(?i)`. */
const INLINE = /^\(\?([aiLmsux]+)\)/;

const ANY = '[\\s\\S]';

/** What `\w`, `\d` and `\s` hold in a class: what all scripts have of it, as in Python. */
const UNICODE = {
  w: '\\p{L}\\p{N}_',
  d: '\\p{Nd}',
  s: '\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000',
};
const ASCII = { w: 'a-zA-Z0-9_', d: '0-9', s: '\\t-\\r ' };

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

/** An escape of one character, which means the same in a class and outside of one. */
function character(reading: Reading): string | undefined {
  const octal = take(reading, /\\(0[0-7]{0,2}|[1-3][0-7]{2})/)?.[1];
  if (octal !== undefined) return `\\x${parseInt(octal, 8).toString(16).padStart(2, '0')}`;
  if (take(reading, /\\a/) !== undefined) return '\\x07';
  return take(reading, /\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[tnrfv]/)?.[0];
}

/** An escape outside of a class. */
function escape(reading: Reading): string {
  const one = character(reading) ?? take(reading, /\\[1-9]\d?/)?.[0];
  if (one !== undefined) return one;
  const [, next = ''] = take(reading, /\\([\s\S])/u) ?? [];
  const { w, d, s } = has(reading, 'a') ? ASCII : UNICODE;
  const edge = `(?<=[${w}])(?![${w}])|(?<![${w}])(?=[${w}])`;
  const known: Readonly<Record<string, string>> = {
    ...{ A: '^', Z: '$' },
    ...{ w: `[${w}]`, W: `[^${w}]`, d: `[${d}]`, D: `[^${d}]`, s: `[${s}]`, S: `[^${s}]` },
    ...{ b: `(?:${edge})`, B: `(?!${edge})` },
  };
  // Another letter is an error of Python's, and one of JavaScript's.
  return known[next] ?? (/[A-Za-z0-9]/.test(next) || next === '' ? `\\${next}` : literal(next));
}

/** One member of a class; that of `\W` is a class of its own, since none holds another. */
function member(reading: Reading): { inner: string; apart?: string } {
  const kinds = has(reading, 'a') ? ASCII : UNICODE;
  const kind = take(reading, /\\([wWdDsS])/)?.[1];
  if (kind !== undefined) {
    const inner = kinds[kind.toLowerCase() as keyof typeof kinds];
    return kind === kind.toLowerCase() ? { inner } : { inner: '', apart: `[^${inner}]` };
  }
  const special = take(reading, /\\b/)?.[0] ?? character(reading);
  if (special !== undefined) return { inner: special };
  const range = take(reading, /([a-zA-Z])-([a-zA-Z])/);
  if (range !== undefined) {
    const [whole, from = '', to = ''] = range;
    const [first, last] = [otherCase(reading, from), otherCase(reading, to)];
    return { inner: whole + (first === '' || last === '' ? '' : `${first}-${last}`) };
  }
  const [, escaped, plain = ''] = take(reading, /\\([\s\S])|([\s\S])/u) ?? [];
  if (escaped === undefined) return { inner: literal(plain) + otherCase(reading, plain) };
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
  // Not `(?<!...)`, which V8 finds between the halves of a character beyond U+FFFF.
  if (plain === '^') return isMultiline ? '(?<=^|\\n)' : '^';
  if (plain === '$') return isMultiline ? '(?=\\n|$)' : '(?=\\n?$)';
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

/** Escapes of a Python replacement that stand for one character. */
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' },
};

/** An escape of a replacement: a group by name or number, a character by its octal number, or other. */
const REPLACEMENT = /\\(?:g<([^>]*)>|(0[0-7]{0,2}|[1-3][0-7]{2})|([1-9]\d?)|([\s\S]?))/gu;

/**
 * A Python replacement (`\1`, `\g<name>`) as a function for `String.replace` with the expression.
 * @throws SyntaxError where it asks for a group that is not there, or is none of Python's.
 */
export function pythonReplacement(text: string, regex: RegExp): (...found: unknown[]) => string {
  // With an empty alternative it matches the empty text, and tells its groups.
  const empty = new RegExp(`${regex.source}|`, regex.flags).exec('');
  const [count, names] = [empty?.length ?? 0, empty?.groups ?? {}];
  const groupIn = (found: readonly unknown[], group: string): string => {
    const isNumber = /^\d+$/.test(group);
    if (isNumber ? Number(group) >= count : !Object.hasOwn(names, group))
      throw new SyntaxError(`there is no group '${group}'`);
    const value = isNumber ? found[Number(group)] : (found.at(-1) as typeof names)[group];
    return typeof value === 'string' ? value : '';
  };
  const filled = (...found: unknown[]): string =>
    text.replace(
      REPLACEMENT,
      (all: string, name?: string, octal?: string, number?: string, other?: string) => {
        if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
        const group = name ?? number;
        if (group !== undefined) return groupIn(found, group);
        const escaped = ESCAPES[other ?? ''];
        if (escaped === undefined && /^[A-Za-z]?$/.test(other ?? ''))
          throw new SyntaxError(`'${all}' is no escape of a replacement`);
        return escaped ?? all;
      },
    );
  filled(...(empty ?? []), 0, '', names);
  return filled;
}
