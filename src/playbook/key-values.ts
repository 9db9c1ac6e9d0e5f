const PART =
  /\s+|\{\{.*?\}\}|\{%.*?%\}|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\{]+|[{'"\\]/gsy;

/** Words of a task's one-line arguments: quotes and templates are kept together. */
function words(text: string): string[] {
  const found: string[] = [];
  let word = '';
  for (const [part] of text.matchAll(PART)) {
    if (!/^\s/.test(part)) word += part;
    else if (word !== '') {
      found.push(word);
      word = '';
    }
  }
  return word === '' ? found : [...found, word];
}

function unquoted(value: string): string {
  const quoted = /^(["'])(.*)\1$/s.exec(value);
  return quoted?.[2] === undefined ? value : quoted[2].replace(/\\(["'\\])/g, '$1');
}

/** Arguments written as `key=value key="other value"`, or undefined where a word is none. */
export function keyValues(text: string): Record<string, string> | undefined {
  const pairs = words(text).map((word) => /^([A-Za-z_]\w*)=(.*)$/s.exec(word));
  if (pairs.length === 0 || pairs.some((pair) => pair === null)) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => [pair?.[1] ?? '', unquoted(pair?.[2] ?? '')] as const),
  );
}

/** Takes `key=value` words with known keys out of a free-form text: `chdir=/tmp ls -l`. */
export function takeKeyValues(
  text: string,
  keys: readonly string[],
): { readonly rest: string; readonly taken: Record<string, string> } {
  const taken: Record<string, string> = {};
  let rest = text;
  for (const word of words(text)) {
    const [, key = '', value = ''] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
    if (!keys.includes(key)) continue;
    taken[key] = unquoted(value);
    rest = rest.replace(word, '');
  }
  return { rest: Object.keys(taken).length === 0 ? text : rest.trim(), taken };
}
