import { mapping, options, text, type TemplateFunction } from './values.js';

interface Form {
  readonly flags: string;
  readonly width: string;
  readonly precision: string | undefined;
  readonly kind: string;
}

/** Decimals as Python has them: of two that are as near, the even one. */
function decimals(value: number, precision: string | undefined): string {
  const digits = Number(precision ?? '6');
  const near = value.toFixed(digits);
  if (digits > 90 || Math.abs(value) >= 1e21) return near;
  const exact = value.toFixed(100);
  const cut = exact.length - 100 + digits;
  if (!/^50*$/.test(exact.slice(cut))) return near;
  const down = exact.slice(0, cut).replace(/\.$/, '');
  return Number(down.at(-1)) % 2 === 0 ? down : near;
}

function number(value: unknown, { kind, precision }: Form): string {
  const given = Number(value);
  if (Number.isNaN(given)) throw new Error(`%${kind} needs a number, found '${text(value)}'`);
  switch (kind) {
    case 'f':
    case 'F':
      return decimals(given, precision);
    case 'e':
      return given
        .toExponential(precision === undefined ? 6 : Number(precision))
        .replace(/e([+-])(\d)$/, 'e$10$2');
    case 'o':
      return Math.trunc(given).toString(8);
    case 'b':
      return Math.trunc(given).toString(2);
    case 'x':
    case 'X': {
      const digits = Math.trunc(given).toString(16);
      return kind === 'X' ? digits.toUpperCase() : digits;
    }
    default:
      return String(Math.trunc(given));
  }
}

function pad(shown: string, { flags, width }: Form, isNumber: boolean): string {
  const size = Number(width || '0');
  if (flags.includes('-')) return shown.padEnd(size);
  if (!isNumber || !flags.includes('0')) return shown.padStart(size);
  const sign = /^[-+]/.exec(shown)?.[0] ?? '';
  return sign + shown.slice(sign.length).padStart(size - sign.length, '0');
}

/** One value as a conversion of `%` wants it. */
function shown(value: unknown, form: Form): string {
  if (form.kind === 's' || form.kind === 'r') {
    const whole = value === null || value === undefined ? 'None' : text(value);
    return form.precision === undefined ? whole : whole.slice(0, Number(form.precision));
  }
  const digits = number(value, form);
  return form.flags.includes('+') && !digits.startsWith('-') ? `+${digits}` : digits;
}

const CONVERSION = /%(?:\((\w+)\))?([-0 +#]*)(\d*)(?:\.(\d+))?([srdifFeoxX%])/g;

/** Python's `template % values`. @throws Error where their number is not that of the conversions. */
function percent(template: string, values: readonly unknown[]): string {
  let next = 0;
  const done = template.replace(
    CONVERSION,
    (
      _all,
      name: string | undefined,
      flags: string,
      width: string,
      precision: string | undefined,
      kind: string,
    ) => {
      if (kind === '%') return '%';
      if (name === undefined && next >= values.length)
        throw new Error('not enough arguments for format string');
      const value = name === undefined ? values[next] : mapping(values[0])[name];
      next += 1;
      const form = { flags, width, precision, kind };
      return pad(shown(value, form), form, !'sr'.includes(kind));
    },
  );
  const isNamed = /%\(\w+\)/.test(template);
  if (!isNamed && next < values.length)
    throw new Error('not all arguments converted during string formatting');
  return done;
}

/** One value as `{:spec}` wants it. */
function field(value: unknown, spec: string): string {
  const match = /^(?:(.)?([<>^]))?(\+?)(0?)(\d*)(,?)(?:\.(\d+))?([sdfFexXob%]?)$/s.exec(spec);
  if (match === null) throw new Error(`format: no form '${spec}'`);
  const [, fill, align, sign = '', zero = '', width = '', comma = '', precision, kind = ''] = match;
  const isNumber = typeof value === 'number' && kind !== 's';
  let whole = value === null || value === undefined ? 'None' : text(value);
  const form = { flags: sign, width: '', precision, kind };
  if (kind === '%') whole = `${(Number(value) * 100).toFixed(Number(precision ?? '6'))}%`;
  else if (kind !== '' && kind !== 's') whole = shown(value, form);
  else if (precision !== undefined)
    whole = isNumber
      ? String(Number(value.toPrecision(Number(precision))))
      : whole.slice(0, Number(precision));
  if (comma !== '') whole = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  const size = Number(width || '0');
  if (zero !== '' && align === undefined) return pad(whole, { ...form, flags: '0', width }, true);
  const by = fill ?? ' ';
  const side = align ?? (isNumber ? '>' : '<');
  if (side === '>') return whole.padStart(size, by);
  if (side === '<') return whole.padEnd(size, by);
  const left = Math.floor((size - whole.length) / 2);
  return whole.padStart(whole.length + Math.max(0, left), by).padEnd(size, by);
}

/** Python's `template.format(...)`. @throws Error where a field names nothing. */
function braces(template: string, args: readonly unknown[]): string {
  const named = options(args);
  let next = 0;
  return template.replace(
    /\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}/g,
    (all, path?: string, spec?: string) => {
      if (path === undefined) return all.charAt(0);
      const [, head = '', rest = ''] = /^(\w*)(.*)$/s.exec(path) ?? [];
      const key = head === '' ? next++ : /^\d+$/.test(head) ? Number(head) : head;
      let value = typeof key === 'number' ? args[key] : named[key];
      if (value === undefined) throw new Error(`format: nothing is given for '{${path}}'`);
      for (const [, inner = ''] of rest.matchAll(/[.[]([^.[\]]+)\]?/g))
        value = (value as Record<string, unknown>)[inner];
      return field(value, spec ?? '');
    },
  );
}

/** `'%s' | format(x)`, and what `'%s' % x` and `'{}'.format(x)` are rewritten to. */
export const FORMATS: Readonly<Record<string, TemplateFunction>> = {
  format: (value, ...args) => percent(text(value), args),
  __percent: (value, operand) =>
    percent(text(value), Array.isArray(operand) ? (operand as unknown[]) : [operand]),
  __format: (value, ...args) => braces(text(value), args),
};
