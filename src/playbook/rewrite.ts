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
export const MAPPINGS = ['hostvars', 'groups'] as const;

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

/**
 * A backslash that begins no escape of minijinja's stands for itself, as in Python (`'\d'`, and
 * `'\1'` as Ansible reads it); and a mapping's `get` becomes a filter.
 */
function escapesAndGets(expression: string): string {
  return expression.replace(STRING_OR_GET, (part) =>
    part === '.get('
      ? ` | ${GET_FILTER}(`
      : part.replace(/\\([\s\S])/g, (all, next: string) =>
          '\\\'"nrtbfu'.includes(next) ? all : `\\\\${next}`,
        ),
  );
}

function rewriteExpression(expression: string): string {
  const plain = formatsToFilters(numbersInBrackets(escapesAndGets(shortNames(expression))));
  return subscriptsToCalls(plain, MAPPINGS);
}

/** The same for a template, whose expressions are written as Python writes values. */
function rewriteTemplate(template: string): string {
  return segments(template)
    .map(({ kind, inner, start, end }) => {
      const part = template.slice(start, end);
      if (kind === 'text' || kind === 'comment') return part;
      const rewritten = rewriteExpression(inner);
      const [, open = '', close = ''] = /^(\{[{%][-+]?).*?([-+]?[}%]\})$/s.exec(part) ?? [];
      // What is not closed is for the engine to complain of.
      if (close === '') return part;
      // Jinja2 keeps a newline behind `raw`, though it drops one behind other statements.
      if (inner.trim() === 'raw') return part.replace(/(?<![-+])%\}$/, ' +%}');
      return kind === 'expression'
        ? `${open.replace('{{', '{%')} set __v = ${rewritten} %}{{ __v | ${TEXT_FILTER}(__v is undefined, __v is float) ${close}`
        : `${open}${rewritten}${close}`;
    })
    .join('');
}

/** A template as the engine takes it, with the names in it. */
export interface Rewritten {
  readonly rewritten: string;
  readonly references: readonly Reference[];
}

/** Many hosts render the same texts. */
const REWRITTEN = {
  expression: new Map<string, Rewritten>(),
  template: new Map<string, Rewritten>(),
};
const MOST_REWRITTEN = 10_000;

/** Writes a text as Ansible takes it in the way that the engine takes. */
export function rewrite(kind: 'expression' | 'template', text: string): Rewritten {
  const known = REWRITTEN[kind].get(text);
  if (known !== undefined) return known;
  const rewritten = kind === 'expression' ? rewriteExpression(text) : rewriteTemplate(text);
  // Of the rewritten text, so that `groups['x']` does not copy all groups into the engine.
  const references =
    kind === 'expression'
      ? expressionReferences(rewritten, new Set())
      : templateReferences(rewritten);
  if (REWRITTEN[kind].size >= MOST_REWRITTEN) REWRITTEN[kind].clear();
  REWRITTEN[kind].set(text, { rewritten, references });
  return { rewritten, references };
}
