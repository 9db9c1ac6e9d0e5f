import { SealedText, UnsafeText } from '../inventory/marked-text.js';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { hasPath, needsChain } from './attribute-path.js';
import { holdsTemplate } from './check-args.js';
import { wholeExpression, type Reference } from './expression.js';
import { truthy } from './filters/values.js';
import { runJinja, type JinjaFailure } from './jinja.js';
import type { Condition, Located, Source } from './model.js';
import { didYouMean } from './nearest.js';
import { plainText, plainValue } from './plain.js';
import { rewrite, type MAPPINGS, type Rewritten, type TextKind } from './rewrite.js';
import { BLOCK_SPACE, readHeader } from './template-header.js';
import { withBound, type Scope, type Variable } from './scope.js';

/** The mark of a left-out argument: `mode: "{{ mode | default(omit) }}"`. */
export const OMIT = '__omit_place_holder__4d2f9a';

/** One evaluation: whose names, and which variables are being resolved (to see a cycle). */
interface Pass {
  readonly scope: Scope;
  readonly source: Source;
  readonly resolving: readonly string[];
}

/** An undefined variable: caught where `default` or `is defined` stands behind it. */
export class UndefinedVariable extends CaravanError {}

function undefinedError(name: string, expression: string, pass: Pass): UndefinedVariable {
  const hint = didYouMean(name.split('.')[0] ?? name, pass.scope.names());
  const chain = pass.resolving.length === 0 ? '' : `: ${[...pass.resolving, name].join(' -> ')}`;
  return new UndefinedVariable('input', `'${name}' is undefined in '${expression}'${chain}`, {
    source: pass.source,
    hint: hint.startsWith('did you mean') ? hint : 'define it, or give it a default(...)',
  });
}

/** A variable with all templates in it resolved. */
function resolveVariable(name: string, variable: Variable, pass: Pass): unknown {
  if (!variable.template || !holdsTemplate(variable.value)) return variable.value;
  if (pass.resolving.includes(name))
    throw new CaravanError(
      'input',
      `variable '${name}' is made of itself: ${[...pass.resolving, name].join(' -> ')}`,
      { source: variable.source ?? pass.source },
    );
  return renderDeep(variable.value, {
    scope: variable.bound === undefined ? pass.scope : withBound(pass.scope, variable.bound),
    source: variable.source ?? pass.source,
    resolving: [...pass.resolving, name],
  });
}

/** Of another host: one variable where `attribute` names it, else all that can be resolved. */
function hostVariables(host: unknown, attribute: unknown, pass: Pass): unknown {
  const scope = pass.scope.hostScope(String(host));
  if (scope === undefined) return undefined;
  const names = typeof attribute === 'string' ? [attribute] : [...scope.names()];
  const entries: [string, unknown][] = [];
  for (const name of names) {
    const variable = scope.lookup(name);
    if (variable === undefined) continue;
    try {
      const resolving = pass.resolving.map((outer) => `hostvars: ${outer}`);
      if (resolving.length > 20)
        throw new CaravanError('input', `hostvars[...].${name} is made of itself`, {
          source: pass.source,
        });
      entries.push([name, resolveVariable(name, variable, { ...pass, scope, resolving })]);
    } catch (error) {
      if (!(error instanceof UndefinedVariable)) throw error;
    }
  }
  return Object.fromEntries(entries);
}

const ITEM_OF: Readonly<
  Record<(typeof MAPPINGS)[number], (key: unknown, attribute: unknown, pass: Pass) => unknown>
> = {
  hostvars: hostVariables,
  groups: (key, _attribute, pass) => pass.scope.group(String(key)),
  vars: (key, _attribute, pass) => resolver(pass)(String(key)),
};

/** `dict(pairs)` and `dict(a=1)`: minijinja's own takes no pairs. */
function makeDict(given: unknown = {}): unknown {
  if (!Array.isArray(given)) return given;
  return Object.fromEntries(
    given.map((pair) => {
      const [key, value] = pair as [unknown, unknown];
      return [String(key), value];
    }),
  );
}

/** Functions that reach beyond the variables; `query` gives a list, `lookup` text, its only item, or a list of what is no text. */
const LOOKUPS = ['lookup', 'query', 'q'];

function lookup(how: string, args: readonly unknown[], pass: Pass): unknown {
  const [name, ...rest] = args;
  const last = rest.at(-1);
  // No lookup has options alone: a mapping that stands by itself is what `dict` goes through.
  const hasOptions =
    rest.length > 1 && last !== null && typeof last === 'object' && !Array.isArray(last);
  const given = hasOptions ? (last as Record<string, unknown>) : {};
  const terms = hasOptions ? rest.slice(0, -1) : rest;
  if (pass.scope.plugin === undefined)
    throw new CaravanError('input', `lookup '${String(name)}' has no meaning here`, {
      source: pass.source,
    });
  let found: unknown[];
  try {
    const plain = String(name).replace(/^ansible\.builtin\./, '');
    found = pass.scope.plugin({ name: plain, terms, options: given, scope: pass.scope });
  } catch (error) {
    if (!(error instanceof CaravanError)) throw error;
    throw error.at({ source: pass.source });
  }
  if (how !== 'lookup' || given['wantlist'] === true) return found;
  if (found.length === 1) return found[0];
  return found.every((one) => typeof one === 'string') ? found.join(',') : found;
}

/** The context of one evaluation: only what the text names, each resolved. */
function contextOf(references: readonly Reference[], pass: Pass) {
  const context: Record<string, unknown> = { omit: OMIT };
  const failed = new Map<string, UndefinedVariable>();
  for (const name of new Set(references.map((reference) => reference.name))) {
    const variable = pass.scope.lookup(name);
    if (variable === undefined) continue;
    try {
      context[name] = resolveVariable(name, variable, pass);
    } catch (error) {
      if (!(error instanceof UndefinedVariable)) throw error;
      failed.set(name, error);
    }
  }
  context['dict'] = makeDict;
  for (const how of LOOKUPS)
    if (!(how in context)) context[how] = (...args: unknown[]) => lookup(how, args, pass);
  for (const [name, call] of Object.entries(ITEM_OF))
    context[`${name}__at`] = (key: unknown, attribute: unknown) => {
      const v = call(key, attribute, pass);
      return v === undefined ? {} : { v };
    };
  return { context, failed };
}

/** What a name that is missing is written as: a call that fails. */
const MISSING = '__missing';

/**
 * The text with a call in place of each name that is missing, and not on purpose. The engine takes
 * `missing == 1` for false; this fails, and only where evaluation comes to it: not behind an `and`,
 * an `or` or an `if` that ends before.
 */
function withMissing(
  { rewritten, references }: Rewritten,
  { context, failed }: ReturnType<typeof contextOf>,
  text: string,
  pass: Pass,
): string {
  const missing = references.filter(
    ({ name, path, guarded }) =>
      !guarded &&
      !name.endsWith('__at') &&
      (!(name in ITEM_OF) || name === 'vars') &&
      !hasPath(context, [name, ...path]),
  );
  if (missing.length === 0) return rewritten;
  context[MISSING] = (index: number) => {
    const { name, path } = missing[index] as Reference;
    throw failed.get(name) ?? undefinedError([name, ...path].join('.'), text.trim(), pass);
  };
  return missing.reduceRight(
    (whole, { start, end }, index) =>
      `${whole.slice(0, start)}${MISSING}(${index})${whole.slice(end)}`,
    rewritten,
  );
}

function failureError(failure: JinjaFailure, text: string, pass: Pass): CaravanError {
  if (failure.cause instanceof CaravanError) return failure.cause;
  const detail = {
    source: pass.source,
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
  };
  return new CaravanError('input', `evaluate '${text.trim()}': ${failure.message}`, detail);
}

/** What a name means, for what needs no engine. */
function resolver(pass: Pass): (name: string) => unknown {
  return (name) => {
    const variable = name in ITEM_OF ? undefined : pass.scope.lookup(name);
    return variable && resolveVariable(name, variable, pass);
  };
}

/** What a call of an item gives may be missing, where a guard stands behind it. */
const GUARDED_CALL = /__at\(.*(?:\|\s*(?:default|d)\b|\bis\s+(?:not\s+)?(?:un)?defined\b)/s;

function run(kind: TextKind, text: string, pass: Pass, space = BLOCK_SPACE): unknown {
  const isExpression = kind === 'expression' || kind === 'braced';
  if (isExpression) {
    const plain = plainValue(text, resolver(pass));
    if (plain !== undefined) return plain;
  }
  const rewritten = rewrite(kind, text);
  const { references } = rewritten;
  const known = contextOf(references, pass);
  const { context, failed } = known;
  const whole = withMissing(rewritten, known, text, pass);
  const result = runJinja(isExpression ? 'expression' : 'template', whole, context, {
    chainable: needsChain(references, context) || GUARDED_CALL.test(whole),
    space,
  });
  if (result.ok && !result.isUndefined) return result.value;
  if (result.ok || result.failure.undefinedValue) {
    const missing = references.find(({ name }) => !(name in context) && !(name in ITEM_OF));
    const inner = missing === undefined ? undefined : failed.get(missing.name);
    if (inner !== undefined) throw inner;
    const shown =
      missing === undefined ? 'an attribute or item' : [missing.name, ...missing.path].join('.');
    throw undefinedError(shown, text.trim(), pass);
  }
  throw failureError(result.failure, text, pass);
}

function renderText(text: string, pass: Pass): unknown {
  if (!holdsTemplate(text)) return text;
  const plain = plainText(text, resolver(pass));
  if (plain !== undefined) return plain;
  const whole = wholeExpression(text);
  return whole === undefined ? run('text', text, pass) : run('braced', whole, pass);
}

function sealedError({ source, resolving }: Pass): CaravanError {
  return new CaravanError(
    'input',
    `variable '${resolving.at(-1) ?? ''}' is encrypted and no vault password was given`,
    { source, hint: 'Give --vault-password-file FILE or --ask-vault-pass.' },
  );
}

function renderDeep(value: unknown, pass: Pass): unknown {
  if (typeof value === 'string') return renderText(value, pass);
  if (Array.isArray(value))
    return value.map((item) => renderDeep(item, pass)).filter((item) => item !== OMIT);
  if (value === null || typeof value !== 'object' || value instanceof Secret) return value;
  if (value instanceof UnsafeText) return value.text;
  if (value instanceof SealedText) throw sealedError(pass);
  const entries = Object.entries(value).map(
    ([key, item]) => [key, renderDeep(item, pass)] as const,
  );
  return Object.fromEntries(entries.filter(([, item]) => item !== OMIT));
}

/**
 * A value with every template in it rendered. Text that is one `{{ expression }}` gives the
 * expression's native value; keys and items that come out as `omit` are left out. A text made of a
 * `Secret` is a `Secret`.
 * @throws CaravanError input that names expression, variable and source.
 */
export function render(located: Located, scope: Scope): unknown {
  return renderDeep(located.value, { scope, source: located.source, resolving: [] });
}

/**
 * The text of a template file, as the module `template` writes it: rendered to text whatever it
 * holds, with its last newline. Its first line may say how lines of statements are cut.
 */
export function renderTemplate(whole: string, file: Source, scope: Scope): string | Secret {
  const { text, space } = readHeader(whole, file);
  const pass = { scope, source: file, resolving: [] };
  // As Ansible has it: the last newline is not rendered, and those that are missing are added.
  const value = run('file', text.replace(/\n$/, ''), pass, space);
  const ended = (rendered: string): string =>
    rendered + '\n'.repeat(Math.max(0, newlinesAtEnd(text) - newlinesAtEnd(rendered)));
  return value instanceof Secret
    ? new Secret(ended((value as Secret).reveal()))
    : ended(String(value));
}

function newlinesAtEnd(text: string): number {
  return /\n*$/.exec(text)?.[0].length ?? 0;
}

/** The same, with the place of each key of a mapping known; values of `raw` keys stay as they are. */
export function renderFields(
  fields: Readonly<Record<string, unknown>>,
  sourceAt: (key: string) => Source,
  scope: Scope,
  raw: readonly string[] = [],
): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(fields)) {
    const given = fields[key];
    const value = raw.includes(key)
      ? given
      : render({ value: given, source: sourceAt(key) }, scope);
    if (value !== OMIT) entries.push([key, value]);
  }
  return Object.fromEntries(entries);
}

/**
 * The native value of a Jinja expression, without braces.
 * @throws CaravanError input that names expression, variable and source.
 */
export function evaluate(expression: Located<string>, scope: Scope): unknown {
  return run('expression', expression.value, { scope, source: expression.source, resolving: [] });
}

/** Whether a condition holds. Braces around the whole of it are allowed, as people write them. */
export function holds(condition: Condition, scope: Scope): boolean {
  const { value, source } = condition;
  if (typeof value === 'boolean') return value;
  const braced = wholeExpression(value.trim());
  const pass = { scope, source, resolving: [] };
  const result =
    braced === undefined ? run('expression', value, pass) : run('braced', braced, pass);
  if (typeof result !== 'string') return truthy(result);
  // A variable may hold the text of a condition, or `no` that someone gave with -e.
  return !['', 'false', 'no', 'off', '0', 'none'].includes(result.toLowerCase());
}

/** A variable of a scope with all templates in it resolved; undefined where there is none. */
export function variableOf(name: string, scope: Scope): unknown {
  const variable = scope.lookup(name);
  if (variable === undefined) return undefined;
  return resolveVariable(name, variable, { scope, source: variable.source ?? '', resolving: [] });
}
