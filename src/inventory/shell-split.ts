/**
 * Words of a line as Python's `shlex.split(line, comments=True)` gives them: a `#` outside quotes
 * starts a comment even inside a word. Undefined when a quote is left open.
 */
export function splitLine(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const letter = line.charAt(i);
    if (quote !== '') {
      if (letter === quote) quote = '';
      else if (quote === '"' && letter === '\\') {
        i += 1;
        if (i >= line.length) return undefined;
        const next = line.charAt(i);
        word = (word ?? '') + (next === '"' || next === '\\' ? next : `\\${next}`);
      } else word = (word ?? '') + letter;
      continue;
    }
    if (letter === '#') break;
    if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= '';
    } else if (letter === '\\') {
      i += 1;
      if (i >= line.length) return undefined;
      word = (word ?? '') + line.charAt(i);
    } else if (/[ \t\r\n]/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
