/** A variable that an expression names, with the fixed attributes behind it (`a.b['c']`). */
export interface Reference {
  readonly name: string;
  readonly path: readonly string[];
  /** Whether `is defined`, `default` or the like stands behind it, so that it may be missing. */
  readonly guarded: boolean;
  /** Offsets of name and path in the text. */
  readonly start: number;
  readonly end: number;
}

/** A part of a template: text, `{{ expression }}` or `{% statement %}`. */
export interface Segment {
  readonly kind: 'text' | 'expression' | 'statement' | 'comment';
  /** What stands between the marks. */
  readonly inner: string;
  readonly innerStart: number;
  readonly start: number;
  readonly end: number;
}

/** A word, number, string or mark of an expression. */
export interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'mark';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const TOKEN =
  /\s*(?:(?<name>[A-Za-z_]\w*)|(?<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<number>\d[\d_.]*)|(?<mark>==|!=|<=|>=|\/\/|\*\*|[^\s]))/sy;

/** Words that name no variable, wherever they stand. */
const KEYWORDS = new Set(
  'and or not in is if else true false True False none None range dict namespace loop caller self super'.split(
    ' ',
  ),
);

/** The same in a statement alone: an expression may well have a variable `from`. */
const STATEMENT_WORDS = [
  'elif endif for endfor set endset recursive macro endmacro call endcall filter endfilter raw',
  'endraw with endwith include import from as ignore missing block endblock extends break continue do',
]
  .join(' ')
  .split(' ');

/** An expression cut into its words. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const groups = match.groups as Record<string, string | undefined>;
    const kind = (['name', 'string', 'number', 'mark'] as const).find(
      (k) => groups[k] !== undefined,
    );
    const word = groups[kind ?? 'mark'] ?? '';
    const end = TOKEN.lastIndex;
    found.push({ kind: kind ?? 'mark', text: word, start: end - word.length, end });
  }
  return found;
}

/** The end of a `{{` or `{%` part: the first closing mark that stands in no string and no bracket. */
function closing(text: string, from: number, mark: string): number {
  let depth = 0;
  for (let i = from; i < text.length; i += 1) {
    const char = text[i] as string;
    if (depth === 0 && text.startsWith(mark, i)) return i;
    if (char === '"' || char === "'") {
      i += 1;
      while (i < text.length && text[i] !== char) i += text[i] === '\\' ? 2 : 1;
    } else if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) depth = Math.max(0, depth - 1);
  }
  return -1;
}

const END_OF_RAW = /\{%[-+]?\s*endraw\s*[-+]?%\}/g;

/** Where the text of a `{% raw %}` ends, in which braces mean nothing. */
function rawEnd(template: string, from: number): number {
  END_OF_RAW.lastIndex = from;
  return END_OF_RAW.exec(template)?.index ?? template.length;
}

function textSegment(template: string, start: number, end: number): Segment {
  return { kind: 'text', inner: template.slice(start, end), innerStart: start, start, end };
}

/** A template cut into its parts. An unclosed part ends with the text: the engine reports it. */
export function segments(template: string): Segment[] {
  const parts: Segment[] = [];
  let at = 0;
  while (at < template.length) {
    const open = /\{[{%#]/g;
    open.lastIndex = at;
    const start = open.exec(template)?.index ?? template.length;
    if (start > at) parts.push(textSegment(template, at, start));
    if (start === template.length) break;
    const sign = template[start + 1] as '{' | '%' | '#';
    const kind = sign === '{' ? 'expression' : sign === '%' ? 'statement' : 'comment';
    const mark = sign === '{' ? '}}' : `${sign}}`;
    const close =
      kind === 'comment' ? template.indexOf(mark, start + 2) : closing(template, start + 2, mark);
    const stop = close < 0 ? template.length : close;
    const innerStart = start + ('-+'.includes(template[start + 2] ?? ' ') ? 3 : 2);
    const inner = template.slice(innerStart, stop).replace(/[-+]$/, '');
    at = close < 0 ? template.length : close + 2;
    parts.push({ kind, inner, innerStart, start, end: at });
    if (kind !== 'statement' || inner.trim() !== 'raw') continue;
    const end = rawEnd(template, at);
    parts.push(textSegment(template, at, end));
    at = end;
  }
  return parts;
}

function literal(token: Token): string {
  return token.text.slice(1, -1).replace(/\\(.)/g, '$1');
}

function isGuard(rest: readonly Token[]): boolean {
  const words = rest.slice(0, 3).map(({ text }) => text);
  if (words[0] === '|') return ['default', 'd', 'mandatory'].includes(words[1] ?? '');
  if (words[0] !== 'is') return false;
  return ['defined', 'undefined'].includes((words[1] === 'not' ? words[2] : words[1]) ?? '');
}

/** Reads the fixed attributes behind a name: `.b`, `['c']`. A method call is none. */
function readPath(all: readonly Token[], from: number): { path: string[]; next: number } {
  const path: string[] = [];
  let next = from;
  for (;;) {
    const [one, two, three] = [all[next], all[next + 1], all[next + 2]];
    if (one?.text === '.' && two?.kind === 'name' && three?.text !== '(') {
      path.push(two.text);
      next += 2;
    } else if (one?.text === '[' && two?.kind === 'string' && three?.text === ']') {
      path.push(literal(two));
      next += 3;
    } else return { path, next };
  }
}

/** The variables that one expression names. */
export function expressionReferences(expression: string, bound: ReadonlySet<string>): Reference[] {
  const all = tokens(expression);
  const found: Reference[] = [];
  all.forEach((token, i) => {
    if (token.kind !== 'name' || KEYWORDS.has(token.text) || bound.has(token.text)) return;
    const before = all[i - 1]?.text;
    const isTest = before === 'is' || (before === 'not' && all[i - 2]?.text === 'is');
    const isKeyword = all[i + 1]?.text === '=' && (before === '(' || before === ',');
    if (before === '.' || before === '|' || isTest || isKeyword) return;
    const { path, next } = readPath(all, i + 1);
    // A bracket closed behind a name still lets a guard stand there: `(a.b) | default(1)`.
    let rest = next;
    while (all[rest]?.text === ')') rest += 1;
    found.push({
      name: token.text,
      path,
      guarded: isGuard(all.slice(rest)),
      start: token.start,
      end: all[next - 1]?.end ?? token.end,
    });
  });
  // One guard covers every use: `a is defined and a.b == 1`.
  const guarded = new Set(found.filter((r) => r.guarded).map(key));
  return found.map((reference) => ({
    ...reference,
    guarded: prefixes(reference).some((prefix) => guarded.has(prefix)),
  }));
}

function key({ name, path }: Pick<Reference, 'name' | 'path'>): string {
  return [name, ...path].join('\0');
}

function prefixes({ name, path }: Reference): string[] {
  return [...path, ''].map((_, length) => key({ name, path: path.slice(0, length) }));
}

/** Names that a template's own statements bind (`for x in`, `set y =`, macro parameters). */
function boundNames(parts: readonly Segment[]): Set<string> {
  const bound = new Set<string>(['__v']);
  for (const { kind, inner } of parts) {
    if (kind !== 'statement') continue;
    const match =
      /^\s*for\s+(?<names>.+?)\s+in\s/s.exec(inner) ??
      /^\s*set\s+(?<names>[^=]+?)\s*(?:=|$)/s.exec(inner) ??
      /^\s*macro\s+(?<names>.+)$/s.exec(inner) ??
      /^\s*call\s*\((?<names>[^)]*)\)/s.exec(inner);
    for (const name of match?.groups?.['names']?.match(/[A-Za-z_]\w*/g) ?? []) bound.add(name);
    if (!/^\s*with\s/.test(inner)) continue;
    for (const [, name = ''] of inner.matchAll(/(\w+)\s*=(?!=)/g)) bound.add(name);
  }
  return bound;
}

/** The name of a filter or of a block, and those that an import binds, which are no variables. */
const NAMED = /^\s*(?:(?:filter|block|endblock|endmacro)\s+\w+|(?:from|import)\s.*$)/s;

/** The variables that a template names. */
export function templateReferences(template: string): Reference[] {
  const parts = segments(template);
  const bound = boundNames(parts);
  return parts
    .filter(({ kind }) => kind === 'expression' || kind === 'statement')
    .flatMap(({ kind, inner, innerStart }) =>
      expressionReferences(
        inner.replace(NAMED, (name) => ' '.repeat(name.length)),
        kind === 'statement' ? new Set([...bound, ...STATEMENT_WORDS]) : bound,
      ).map((reference) => ({
        ...reference,
        start: reference.start + innerStart,
        end: reference.end + innerStart,
      })),
    );
}

/** The expression of a template that is one `{{ expression }}` and nothing else. */
export function wholeExpression(template: string): string | undefined {
  if (!template.startsWith('{{') || !template.endsWith('}}')) return undefined;
  const parts = segments(template);
  return parts.length === 1 && parts[0]?.kind === 'expression' ? parts[0].inner.trim() : undefined;
}

/**
 * Rewrites `name[x].y` to `name__at(x, 'y').v.y`, so that of a large mapping (`hostvars`, `groups`)
 * only what is asked for is made and copied into the engine. A call gives a mapping without `v` where
 * there is nothing: the engine takes what a call itself gives for none, which is defined.
 */
export function subscriptsToCalls(expression: string, names: readonly string[]): string {
  const all = tokens(expression);
  let out = '';
  let at = 0;
  const open: { depth: number; name: string }[] = [];
  let depth = 0;
  all.forEach((token, i) => {
    const previous = all[i - 1];
    const isMapping =
      previous?.kind === 'name' && names.includes(previous.text) && all[i - 2]?.text !== '.';
    if (token.text === '[' && isMapping) {
      open.push({ depth, name: previous.text });
      out += `${expression.slice(at, token.start)}__at(`;
      at = token.end;
      depth += 1;
    } else if ('([{'.includes(token.text)) depth += 1;
    else if (')]}'.includes(token.text)) {
      depth -= 1;
      if (token.text !== ']' || open.at(-1)?.depth !== depth) return;
      open.pop();
      const first = readPath(all, i + 1).path[0];
      const key = first === undefined ? '' : `, ${JSON.stringify(first)}`;
      out += `${expression.slice(at, token.start)}${key}).v`;
      at = token.end;
    } else if (token.text === '.' && isMapping && all[i + 1]?.kind === 'name') {
      const after = all[i + 1] as Token;
      if (all[i + 2]?.text === '(') return;
      const first = readPath(all, i + 2).path[0];
      const key = first === undefined ? '' : `, ${JSON.stringify(first)}`;
      out += `${expression.slice(at, token.start)}__at(${JSON.stringify(after.text)}${key}).v`;
      at = after.end;
    }
  });
  return out + expression.slice(at);
}
