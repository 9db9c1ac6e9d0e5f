import {
  expressionReferences,
  segments,
  subscriptsToCalls,
  templateReferences,
  type Reference,
} from './expression.js';
import { GET_FILTER, TEXT_FILTER } from './jinja.js';
import { formatsToFilters } from './python-format.js';

/** Names whose items are asked for one by one: `groups['x']` becomes the call `groups__at('x')`. */
export const MAPPINGS = ['hostvars', 'groups', 'vars'] as const;

/** `x | ansible.builtin.to_json` is `x | to_json`: a filter's name has no dots here. */
function shortNames(expression: string): string {
  return expression.replace(
    /(\||\bis(?:\s+not)?)(\s*)ansible\.(?:builtin|utils|netcommon)\./g,
    '$1$2',
  );
}

/** `item.0` is `item[0]`: minijinja takes no number behind a dot. */
function numbersInBrackets(expression: string): string {
  return expression.replace(
    /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|([A-Za-z_]\w*|[\])])((?:\.\d+)+)/g,
    (all, before: string | undefined, numbers: string | undefined) =>
      before === undefined ? all : before + (numbers ?? '').replace(/\.(\d+)/g, '[$1]'),
  );
}

const STRING_OR_GET = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\.get\(/gs;

/** A backslash that begins no escape of minijinja's stands for itself, as in Python (`'\d'`). */
function withEscapes(literal: string): string {
  return literal.replace(/\\([\s\S])/g, (all, next: string) =>
    '\\\'"nrtbfu'.includes(next) ? all : `\\\\${next}`,
  );
}

/** Every backslash stands for itself. */
function withBackslashes(literal: string): string {
  const quote = literal.charAt(0);
  const inner = literal.slice(1, -1).replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`);
  return quote + inner + quote;
}

/** In `{{ }}` of a playbook Ansible reads no escapes in text; in conditions, statements and files it does. */
type Escapes = 'kept' | 'read';

function rewriteExpression(expression: string, escapes: Escapes): string {
  const written = escapes === 'kept' ? withBackslashes : withEscapes;
  // A mapping's `get` becomes a filter.
  const plain = shortNames(expression).replace(STRING_OR_GET, (part) =>
    part === '.get(' ? ` | ${GET_FILTER}(` : written(part),
  );
  return subscriptsToCalls(formatsToFilters(numbersInBrackets(plain)), MAPPINGS);
}

/** An `if` with no `else` gives nothing where it does not hold: the engine takes that for undefined. */
function withElse(expression: string): string {
  let bare = expression.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/gs, "''");
  for (let before = ''; before !== bare;) {
    before = bare;
    bare = bare.replace(/[([{][^()[\]{}]*[)\]}]/g, '()');
  }
  const count = (word: RegExp): number => bare.match(word)?.length ?? 0;
  return count(/\bif\b/g) > count(/\belse\b/g) ? `${expression} else ''` : expression;
}

/** The same for a template, whose expressions are written as Python writes values. */
function rewriteTemplate(template: string, escapes: Escapes): string {
  return segments(template)
    .map(({ kind, inner, start, end }) => {
      const part = template.slice(start, end);
      if (kind === 'text' || kind === 'comment') return part;
      const rewritten = rewriteExpression(inner, kind === 'expression' ? escapes : 'read');
      const [, open = '', close = ''] = /^(\{[{%][-+]?).*?([-+]?[}%]\})$/s.exec(part) ?? [];
      // What is not closed is for the engine to complain of.
      if (close === '') return part;
      // Jinja2 keeps a newline behind `raw`, though it drops one behind other statements.
      if (inner.trim() === 'raw') return part.replace(/(?<![-+])%\}$/, ' +%}');
      // The `+` keeps the spaces before it, which `lstrip_blocks` cuts before statements alone.
      return kind === 'expression'
        ? `${open === '{{-' ? '{%-' : '{%+'} set __v = ${withElse(rewritten)} %}{{ __v | ${TEXT_FILTER}(__v is undefined, __v is float) ${close}`
        : `${open}${rewritten}${close}`;
    })
    .join('');
}

/** A template as the engine takes it, with the names in it. */
export interface Rewritten {
  readonly rewritten: string;
  readonly references: readonly Reference[];
}

/**
 * What a text is: an expression as in `when`, one in `{{ }}`, a text with templates in it, or a
 * template file.
 */
export type TextKind = 'expression' | 'braced' | 'text' | 'file';

function rewriteText(kind: TextKind, text: string): Rewritten {
  const escapes = kind === 'braced' || kind === 'text' ? 'kept' : 'read';
  // References are those of the rewritten text, so that `groups['x']` does not copy all groups.
  if (kind === 'text' || kind === 'file') {
    const rewritten = rewriteTemplate(text, escapes);
    return { rewritten, references: templateReferences(rewritten) };
  }
  const rewritten = rewriteExpression(text, escapes);
  return { rewritten, references: expressionReferences(rewritten, new Set()) };
}

/** Many hosts render the same texts. */
const REWRITTEN: Readonly<Record<TextKind, Map<string, Rewritten>>> = {
  expression: new Map(),
  braced: new Map(),
  text: new Map(),
  file: new Map(),
};
const MOST_REWRITTEN = 10_000;

/** Writes a text as Ansible takes it in the way that the engine takes. */
export function rewrite(kind: TextKind, text: string): Rewritten {
  const known = REWRITTEN[kind].get(text);
  if (known !== undefined) return known;
  const made = rewriteText(kind, text);
  if (REWRITTEN[kind].size >= MOST_REWRITTEN) REWRITTEN[kind].clear();
  REWRITTEN[kind].set(text, made);
  return made;
}
