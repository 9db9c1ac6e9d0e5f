/** The regular expression of a shell glob: Python's `fnmatch.translate`. */
export function globRegex(glob: string): string {
  let regex = '';
  for (let i = 0; i < glob.length;) {
    const letter = glob[i] ?? '';
    i += 1;
    if (letter === '*') regex += '.*';
    else if (letter === '?') regex += '.';
    else if (letter === '[') {
      const close = glob.indexOf(']', glob[i] === '!' ? i + 2 : i + 1);
      if (close < 0) regex += '\\[';
      else {
        regex += globClass(glob.slice(i, close));
        i = close + 1;
      }
    } else regex += letter.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
  }
  return `^(?:${regex})$`;
}

function globClass(inside: string): string {
  const negated = inside.startsWith('!');
  const letters = (negated ? inside.slice(1) : inside)
    .replace(/[\\\]^[&~|]/g, '\\$&')
    .replace(/(.)-(.)/gsu, (range: string, from: string, to: string) => (from > to ? '' : range));
  if (letters === '') return negated ? '.' : '(?!)';
  return `[${negated ? '^' : ''}${letters}]`;
}
