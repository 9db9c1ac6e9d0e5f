import { tokens, type Token } from './expression.js';

/** What `'...' % x` and `'...'.format(x)` are rewritten to. */
export const [PERCENT_FILTER, FORMAT_FILTER] = ['__percent', '__format'] as const;

const ENDS = ['+', '-', '*', '/', '%', '~', ',', ')', ']', '}', '==', '!=', '<', '>', '<=', '>='];
const WORDS = ['and', 'or', 'if', 'else', 'in', 'is', 'not'];

/** The end of what stands right of a `%`: up to the next operator outside of its brackets. */
function operandEnd(all: readonly Token[], from: number, length: number): number {
  let depth = 0;
  for (let i = from; i < all.length; i += 1) {
    const { text, start, kind } = all[i] as Token;
    const isEnd = ENDS.includes(text) || (kind === 'name' && WORDS.includes(text));
    if (depth === 0 && i > from && isEnd) return start;
    if ('([{'.includes(text)) depth += 1;
    else if (')]}'.includes(text)) depth -= 1;
  }
  return length;
}

/** Rewrites the formatting of literal text, which minijinja lacks, to filters. */
export function formatsToFilters(expression: string): string {
  if (!/['"]\s*(?:%|\.\s*format\s*\()/.test(expression)) return expression;
  const all = tokens(expression);
  for (const [i, token] of all.entries()) {
    if (token.kind !== 'string') continue;
    const [next, name, bracket] = [all[i + 1], all[i + 2], all[i + 3]];
    const before = expression.slice(0, token.start);
    if (next?.text === '%' && name !== undefined) {
      const end = operandEnd(all, i + 2, expression.length);
      const operand = expression.slice(name.start, end).trim();
      const left = formatsToFilters(operand);
      const rest = formatsToFilters(expression.slice(end));
      return `${before}(${token.text} | ${PERCENT_FILTER}(${left})) ${rest}`;
    }
    if (next?.text === '.' && name?.text === 'format' && bracket?.text === '(') {
      const rest = formatsToFilters(expression.slice(bracket.end));
      return `${before}${token.text} | ${FORMAT_FILTER}(${rest}`;
    }
  }
  return expression;
}
