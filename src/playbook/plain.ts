/**
 * What most templates and conditions are: names of texts, and comparisons with a literal. Those need
 * no engine, which takes a copy of all that an expression names. `undefined` stands for all others.
 */

/** The value of a variable with its templates resolved; undefined where there is none. */
type Resolve = (name: string) => unknown;

const NAME_ONLY = /\{\{ *([A-Za-z_]\w*) *\}\}/;

/** A text in which names of texts stand, rendered. */
export function plainText(text: string, resolve: Resolve): string | undefined {
  let rendered = '';
  let isName = false;
  for (const part of text.split(NAME_ONLY)) {
    const value = isName ? resolve(part) : part;
    if (typeof value !== 'string' || (!isName && /\{[{%#]/.test(part))) return undefined;
    rendered += value;
    isName = !isName;
  }
  return rendered;
}

const PATH = '([A-Za-z_]\\w*)((?:\\.[A-Za-z_]\\w*)*)';
const LITERAL = `'[^'\\\\]*'|"[^"\\\\]*"|\\d{1,15}`;
const PLAIN = new RegExp(`^\\s*${PATH}(?:\\s*(==|!=)\\s*(${LITERAL}))?\\s*$`);

/** Words that are no names. */
const WORDS = ['true', 'True', 'false', 'False', 'none', 'None', 'omit', 'dict', 'self'];

/** The value of `name.key`, or whether it is (not) equal to a text or a whole number. */
export function plainValue(
  expression: string,
  resolve: Resolve,
): string | number | boolean | undefined {
  const [, name, path = '', operator, literal] = PLAIN.exec(expression) ?? [];
  if (name === undefined || WORDS.includes(name)) return undefined;
  let value = resolve(name);
  for (const key of path.split('.').slice(1)) {
    if (!isPlainObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  if (operator === undefined || literal === undefined)
    return typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
  const other = /^\d/.test(literal) ? Number(literal) : literal.slice(1, -1);
  if (typeof value !== typeof other) return undefined;
  return (value === other) === (operator === '==');
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
  );
}
