/** Flags that a Python pattern starts with: `(?i)`. */
const INLINE = /^\(\?([aiLmsux]+)\)/;

/**
 * A Python regular expression as one of JavaScript. `flags` are JavaScript's; those that the
 * pattern starts with are added.
 * @throws SyntaxError where JavaScript cannot read it.
 */
export function pythonRegex(pattern: string, flags = ''): RegExp {
  const own = INLINE.exec(pattern)?.[1] ?? '';
  const wanted = new Set(`${flags}${own.replace(/[^ims]/g, '')}`.split(''));
  const text = pattern
    .replace(INLINE, '')
    .replaceAll('(?P<', '(?<')
    .replace(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replace(/(^|[^\\])\\A/g, '$1(?<![\\s\\S])')
    .replace(/(^|[^\\])\\Z/g, '$1(?![\\s\\S])');
  return new RegExp(text, [...wanted].join(''));
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
