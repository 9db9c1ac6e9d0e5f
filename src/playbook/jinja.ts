import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import type * as Minijinja from 'minijinja-js';
import { Secret } from '../values/secret.js';
import { BUILTIN_FILTERS, BUILTIN_TESTS, FILTERS, TESTS } from './filters.js';
import { text as asText, type TemplateFunction } from './filters/values.js';
import { didYouMean } from './nearest.js';
import { BLOCK_SPACE, type BlockSpace } from './template-header.js';

/** A failed evaluation: `undefinedValue` where something undefined was used. */
export interface JinjaFailure {
  readonly message: string;
  readonly hint?: string;
  readonly undefinedValue: boolean;
  /** An error thrown by a function of the context, as it was. */
  readonly cause?: unknown;
}

/** How the engine is to evaluate. */
export interface JinjaOptions {
  /** Whether an attribute of what is undefined is undefined too, instead of an error. */
  readonly chainable: boolean;
  readonly space: BlockSpace;
}

/** The outcome of one evaluation. */
export type JinjaResult =
  | { readonly ok: true; readonly value: unknown; readonly isUndefined: boolean }
  | { readonly ok: false; readonly failure: JinjaFailure };

// Secrets go through the engine as marks of private-use characters and digits, which no filter
// that changes case or spacing alters, and come out as secrets again. What the engine itself looks
// into (`==`, `in`, `length`, a slice) is a mark then: Engine.run tells, and evaluates again.
const MARK = /\uE0C1(\d+)\uE0C2/g;

/** What a template writes of a value, as Python's `str()`; rendering puts it around each expression. */
export const TEXT_FILTER = '__text';

/** What a call of a mapping's `get` is rewritten to. */
export const GET_FILTER = '__get';

function written(value: unknown, isUndefined: unknown, isFloat: unknown): string {
  // A float that is whole is a number as any other here; the engine knows the difference.
  if (isFloat === true && Number.isInteger(value)) return `${asText(value)}.0`;
  if (isUndefined === true) throw new Error('undefined value');
  // Alone, nothing is written as nothing, as Ansible has it.
  return asText(value);
}

/** `d.get(key, fallback)`, which minijinja lacks. */
function get(value: unknown, key: unknown, fallback: unknown = null): unknown {
  const map = (value ?? {}) as Record<string, unknown>;
  return Object.hasOwn(map, String(key)) ? map[String(key)] : fallback;
}

/**
 * The engine sorts the keys of mappings; of those that came from outside the order is remembered,
 * by their keys, so that `dict2items` goes through them as they were written.
 */
type KeyOrders = Map<string, readonly string[]>;

function orderKey(keys: readonly string[]): string {
  return [...keys].sort().join('\0');
}

/** minijinja-js gives mappings as Maps and whole numbers as bigint; a value in plain objects. */
function plain(value: unknown, orders?: KeyOrders): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Map) {
    const entries = [...value].map(
      ([key, item]) => [String(key), plain(item, orders) ?? null] as const,
    );
    const order = orders?.get(orderKey(entries.map(([key]) => key)));
    const map = new Map(entries);
    const inOrder = order?.map((key) => [key, map.get(key)] as const) ?? entries;
    return Object.fromEntries(inOrder);
  }
  // None comes as undefined; within a list or a mapping it must stay a value.
  return Array.isArray(value) ? value.map((item) => plain(item, orders) ?? null) : value;
}

/** One evaluation's secrets, by number; in plain text where the engine is to look into them. */
class Secrets {
  readonly #all: Secret[] = [];
  readonly orders: KeyOrders = new Map();

  constructor(readonly arePlain: boolean) {}

  get areUsed(): boolean {
    return this.#all.length > 0;
  }

  hide(value: unknown): unknown {
    if (value instanceof Secret) {
      const revealed: string | Buffer = (value as Secret<string | Buffer>).reveal();
      return this.mark(revealed.toString());
    }
    if (Array.isArray(value)) return value.map((item) => this.hide(item));
    if (typeof value === 'function' || value === null || typeof value !== 'object') return value;
    const keys = Object.keys(value);
    if (keys.length > 1) this.orders.set(orderKey(keys), keys);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.hide(item)]));
  }

  mark(text: string): string {
    this.#all.push(new Secret(text));
    if (this.arePlain) return text;
    return `\uE0C1${this.#all.length - 1}\uE0C2`;
  }

  /** The text behind marks, and whether there were any. */
  open(text: string): { text: string; secret: boolean } {
    if (!this.areUsed) return { text, secret: false };
    // What a text was made of cannot be told.
    if (this.arePlain) return { text, secret: true };
    const opened = text.replace(MARK, (_, n: string) => this.#all[Number(n)]?.reveal() ?? '');
    return { text: opened, secret: opened !== text };
  }

  /** The same for any value: only text can be a mark. */
  openValue(value: unknown): { value: unknown; secret: boolean } {
    if (typeof value !== 'string') return { value, secret: false };
    const { text, secret } = this.open(value);
    return { value: text, secret };
  }

  /** A result with its marked strings as secrets. */
  restore(value: unknown): unknown {
    if (typeof value === 'string') {
      const { text, secret } = this.open(value);
      return secret ? new Secret(text) : value;
    }
    if (Array.isArray(value)) return value.map((item) => this.restore(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([k, item]) => [k, this.restore(item)]));
  }

  /** A text without what is secret in it. */
  without(text: string): string {
    const all = this.#all.map((one) => one.reveal()).filter((one) => one !== '');
    return all.reduce((left, one) => left.replaceAll(one, '(secret)'), text);
  }
}

/** A result with its secrets in plain text. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return (value as Secret).reveal();
  if (Array.isArray(value)) return value.map(revealed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revealed(item)]));
}

/** WebAssembly, whose compilation and memory most playbooks can do without: loaded when it is needed. */
function newEnvironment(): Minijinja.Environment {
  const require = createRequire(import.meta.url);
  const { Environment } = require('minijinja-js') as typeof Minijinja;
  return new Environment();
}

/** What is to be evaluated, and with what. */
interface Work {
  readonly kind: 'expression' | 'template';
  readonly text: string;
  readonly context: Record<string, unknown>;
  readonly options: JinjaOptions;
}

/**
 * One minijinja environment. An environment cannot be entered while it evaluates (a lazily made
 * variable does that), and a function that throws inside it destroys it; so functions catch, and
 * there is one environment for each depth.
 */
class Engine {
  readonly #environment = newEnvironment();
  #secrets = new Secrets(false);
  #thrown: { name: string; error: unknown } | undefined;

  constructor() {
    const environment = this.#environment;
    environment.enablePyCompat();
    environment.undefinedBehavior = 'strict';
    environment.keepTrailingNewline = true;
    for (const [name, filter] of Object.entries(FILTERS))
      environment.addFilter(name, this.#guarded(name, filter));
    environment.addFilter(GET_FILTER, this.#guarded(GET_FILTER, get));
    environment.addFilter(TEXT_FILTER, this.#guarded(TEXT_FILTER, written));
    for (const [name, test] of Object.entries(TESTS))
      environment.addTest(name, this.#guarded(name, test));
  }

  /** Lets no error out, and opens secrets for what is ours: their output is secret again. */
  #guarded(name: string, call: TemplateFunction): TemplateFunction {
    return (...args) => {
      try {
        const opened = args.map((arg) => this.#secrets.openValue(plain(arg, this.#secrets.orders)));
        const [value, ...rest] = opened.map((one) => one.value);
        const isSecret = !this.#secrets.arePlain && opened.some((one) => one.secret);
        const result = call(value, ...rest);
        return isSecret && typeof result === 'string' ? this.#secrets.mark(result) : result;
      } catch (error) {
        this.#thrown ??= { name, error };
        return undefined;
      }
    };
  }

  /**
   * Evaluates with secrets as marks, and where there were any with their text too. Where both agree,
   * what is secret in the result is known; else the engine has looked into a secret, and every text
   * of the result is one.
   */
  run(work: Work): JinjaResult {
    const marked = this.#evaluate(work, new Secrets(false));
    if (!this.#secrets.areUsed) return marked;
    const plainly = this.#evaluate(work, new Secrets(true));
    if (!plainly.ok) {
      const { failure } = plainly;
      const message = this.#secrets.without(failure.message);
      return marked.ok ? { ok: false, failure: { ...failure, message } } : marked;
    }
    const isSame = marked.ok && isDeepStrictEqual(revealed(marked.value), revealed(plainly.value));
    return isSame ? marked : plainly;
  }

  #evaluate(
    { kind, text, context, options: { chainable, space } }: Work,
    secrets: Secrets,
  ): JinjaResult {
    this.#environment.undefinedBehavior = chainable ? 'chainable' : 'strict';
    this.#environment.trimBlocks = space.trim;
    this.#environment.lstripBlocks = space.lstrip;
    this.#secrets = secrets;
    this.#thrown = undefined;
    const hidden = this.#secrets.hide(context) as Record<string, unknown>;
    for (const [name, value] of Object.entries(hidden))
      if (typeof value === 'function')
        hidden[name] = this.#wrapped(name, value as (...args: unknown[]) => unknown);
    try {
      const value: unknown =
        kind === 'expression'
          ? this.#environment.evalExpr(text, hidden)
          : this.#environment.renderStr(text, hidden);
      this.#rethrow();
      const isUndefined =
        value === undefined &&
        this.#environment.evalExpr(`(${text}) is undefined`, hidden) === true;
      const result =
        value === undefined ? null : this.#secrets.restore(plain(value, this.#secrets.orders));
      return { ok: true, value: result, isUndefined };
    } catch (error) {
      return { ok: false, failure: this.#failure(error) };
    }
  }

  #wrapped(name: string, call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      try {
        return this.#secrets.hide(call(...args.map((arg) => plain(arg, this.#secrets.orders))));
      } catch (error) {
        this.#thrown ??= { name, error };
        return undefined;
      }
    };
  }

  #rethrow(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }

  #failure(error: unknown): JinjaFailure {
    if (this.#thrown !== undefined) {
      const { name, error: cause } = this.#thrown;
      const why = cause instanceof Error ? cause.message : String(cause);
      const undefinedValue = name === TEXT_FILTER && why === 'undefined value';
      return { message: `${name}: ${why}`, undefinedValue, cause };
    }
    const text = error instanceof Error ? error.message : String(error);
    const message = (text.split('\n')[0] ?? text).replace(/ \(in <\w+>:\d+\)$/, '');
    if (message.startsWith('template not found'))
      return { message: '`include`, `import` and `from` are not supported', undefinedValue: false };
    const filter = /filter (\w+) is unknown/.exec(message)?.[1];
    const test = /test (\w+) is unknown/.exec(message)?.[1];
    const near =
      filter !== undefined
        ? didYouMean(filter, [...BUILTIN_FILTERS, ...Object.keys(FILTERS)])
        : test !== undefined
          ? didYouMean(test, [...BUILTIN_TESTS, ...Object.keys(TESTS)])
          : undefined;
    return {
      message,
      undefinedValue: message.startsWith('undefined value'),
      ...(near === undefined ? {} : { hint: near }),
    };
  }
}

const engines: Engine[] = [];
let depth = 0;

/** Evaluates an expression to a native value, or renders a template to text. Re-entrant. */
export function runJinja(
  kind: 'expression' | 'template',
  text: string,
  context: Record<string, unknown>,
  options: JinjaOptions = { chainable: false, space: BLOCK_SPACE },
): JinjaResult {
  const engine = (engines[depth] ??= new Engine());
  depth += 1;
  try {
    return engine.run({ kind, text, context, options });
  } finally {
    depth -= 1;
  }
}
