import { expect, test } from 'vitest';
import type { CaravanError } from '../values/error.js';
import { SealedText, UnsafeText } from '../inventory/marked-text.js';
import { Secret } from '../values/secret.js';
import type { Scope } from './scope.js';
import { evaluate, holds, render } from './template.js';

function scope(
  vars: Record<string, unknown>,
  hosts: Record<string, Record<string, unknown>> = {},
): Scope {
  return {
    lookup: (name) => (name in vars ? { value: vars[name], template: true } : undefined),
    names: () => Object.keys(vars),
    hostScope: (host) => (hosts[host] === undefined ? undefined : scope(hosts[host], hosts)),
    group: (name) => (name === 'workers' ? ['w1', 'w2'] : undefined),
  };
}
const source = 'p.yml:1:1';
const text = (value: unknown, vars = {}, hosts = {}) =>
  render({ value, source }, scope(vars, hosts));
const error = (run: () => unknown): CaravanError => {
  try {
    run();
  } catch (thrown) {
    return thrown as CaravanError;
  }
  throw new Error('nothing was thrown');
};

test.each<[string, unknown, Record<string, unknown>, unknown]>([
  ['a whole expression stays native', '{{ x }}', { x: [1, 'a'] }, [1, 'a']],
  ['a mapping stays a mapping', '{{ x }}', { x: { a: { b: 1 } } }, { a: { b: 1 } }],
  ['a mixed text is text', 'n={{ x }}', { x: 3 }, 'n=3'],
  ['a dict literal in an expression', '{{ {"a": {"b": x}} }}', { x: 1 }, { a: { b: 1 } }],
  [
    'variables are resolved lazily',
    '{{ a }}',
    { a: '{{ b }}!', b: '{{ c }}', c: 'x', d: '{{ zz }}' },
    'x!',
  ],
  ['default of a missing variable', '{{ x | default(7) }}', {}, 7],
  ['default of a variable made of a missing one', '{{ x | default(7) }}', { x: '{{ gone }}' }, 7],
  ['default of a missing attribute', '{{ x.a.b | default("d") }}', { x: { a: {} } }, 'd'],
  ['none is a value', '{{ x }}', { x: null }, null],
  ['omit drops a key', { mode: '{{ m | default(omit) }}', a: 1 }, {}, { a: 1 }],
  [
    'filters of Ansible',
    '{{ "ab" | b64encode | b64decode | regex_replace("(a)", "\\1\\1") }}',
    {},
    'aab',
  ],
  [
    'combine',
    '{{ a | combine(b, recursive=true) }}',
    { a: { x: { y: 1 } }, b: { x: { z: 2 } } },
    { x: { y: 1, z: 2 } },
  ],
  [
    'dict2items',
    '{{ a | dict2items | map(attribute="key") | list }}',
    { a: { p: 1, q: 2 } },
    ['p', 'q'],
  ],
  ['statements', '{% for i in xs %}{{ i }};{% endfor %}', { xs: [1, 2] }, '1;2;'],
  ['braces in strings', "{{ '}}' }}", {}, '}}'],
  ['version test', '{{ v is version("1.20", ">=") }}', { v: '1.9' }, false],
])('render: %s', (_name, value, vars, expected) => {
  expect(text(value, vars)).toEqual(expected);
});

test('render reads hostvars and groups', () => {
  const hosts = { h1: { ip: '{{ base }}.1', base: '10.0.0', broken: '{{ gone }}' } };
  expect(text("{{ hostvars['h1'].ip }}", {}, hosts)).toBe('10.0.0.1');
  expect(text('x{{ hostvars[h]["ip"] }}', { h: 'h1' }, hosts)).toBe('x10.0.0.1');
  expect(text('{{ hostvars.h1.base }}', {}, hosts)).toBe('10.0.0');
  expect(text("{{ groups['workers'] | length }}")).toBe(2);
  expect(text('{{ groups.workers[0] }}')).toBe('w1');
  expect(text("{{ hostvars['h1'].nope | default('d') }}", {}, hosts)).toBe('d');
});

test('render keeps secrets secret', () => {
  const vars = { pw: new Secret('hunter2') };
  const whole = text('{{ pw }}', vars) as Secret;
  const mixed = text('a={{ pw | b64encode }}', vars) as Secret;
  expect([whole.reveal(), mixed.reveal()]).toEqual(['hunter2', 'a=aHVudGVyMg==']);
});

test.each<[string, unknown]>([
  ["{{ pw == 'hunter2' }}", true],
  ["{{ pw != 'hunter2' }}", false],
  ["{{ pw == same and pw in ['x', same] and 'unt' in pw }}", true],
  ['{{ pw | length }}', 7],
  ["{{ pw.startswith('h') }}", true],
  ["{{ pw is eq('hunter2') }}", true],
  ["{{ all | selectattr('pw', 'eq', 'hunter2') | list | length }}", 1],
])('render looks into secrets: %s', (value, expected) => {
  const pw = new Secret('hunter2');
  const vars = { pw, same: new Secret('hunter2'), all: [{ pw }, { pw: new Secret('other') }] };
  expect(text(value, vars)).toBe(expected);
});

test('render takes what is made by looking into a secret for one, and nothing else', () => {
  const vars = { login: { user: 'ann', pw: new Secret('hunter2') } };
  expect(text('{{ login.user }}', vars)).toBe('ann');
  const made = ['{{ login.pw[:3] }}', "{{ login.pw if login.pw == 'hunter2' else '' }}"];
  expect(made.map((value) => (text(value, vars) as Secret).reveal())).toEqual(['hun', 'hunter2']);
  const thrown = error(() => text('{{ login.pw[:7] + 1 }}', vars));
  expect(thrown.message).not.toContain('hunter2');
});

test.each<[string, string, RegExp]>([
  ['an undefined variable', '{{ naem }}', /'naem' is undefined in 'naem'/],
  ['an undefined one in a comparison', '{{ naem == 1 }}', /'naem' is undefined/],
  ['an undefined one that `and` comes to', '{{ name and 1 and naem == 1 }}', /'naem' is undefined/],
  ['an undefined one in an inline if', "{{ 'x' if naem == 1 else 'y' }}", /'naem' is undefined/],
  ['the one that is come to', '{{ false and nope or naem == 1 }}', /'naem' is undefined/],
  [
    'an import',
    "{% from 'x' import a, b as c %}{{ c }}",
    /`include`, `import` and `from` are not supported/,
  ],
  ['an undefined attribute', '{{ name.x == 1 }}', /'name.x' is undefined/],
  [
    'the chain to an undefined variable',
    '{{ one }}',
    /'naem' is undefined in 'naem': one -> two -> naem/,
  ],
  ['a sealed value', '{{ sealed }}', /'sealed' is encrypted and no vault password was given/],
  ['an unknown filter', '{{ name | b64enc }}', /filter b64enc is unknown/],
  ['a filter that throws', '{{ "{" | from_json }}', /from_json: /],
  ['a syntax error', '{{ name + }}', /syntax error/],
  ['a cycle', '{{ loop1 }}', /made of itself: loop1 -> loop2 -> loop1/],
])('render names %s', (_name, value, message) => {
  const vars = {
    name: { y: 1 },
    loop1: '{{ loop2 }}',
    loop2: '{{ loop1 }}',
    one: 'x{{ two }}',
    two: '{{ naem }}',
    sealed: new SealedText('$ANSIBLE_VAULT;1.1;AES256'),
  };
  const thrown = error(() => text(value, vars));
  expect(thrown.kind).toBe('input');
  expect(thrown.message).toMatch(message);
  expect(thrown.detail.source).toBe(source);
});

test('render gives the nearest name', () => {
  expect(error(() => text('{{ naem }}', { name: 1 })).detail.hint).toBe("did you mean 'name'?");
  expect(error(() => text('{{ 1 | b64enc }}')).detail.hint).toContain("'b64encode'");
});

test('render does not template what is no template', () => {
  const safe: Scope = { ...scope({}), lookup: () => ({ value: '{{ evil }}', template: false }) };
  expect(render({ value: '{{ x }}', source }, safe)).toBe('{{ evil }}');
});

test('render takes unsafe text as it is', () => {
  const vars = { x: new UnsafeText('{{ evil }}'), y: { z: [new UnsafeText('plain')] } };
  expect(text('a{{ x }}{{ y.z[0] }}', vars)).toBe('a{{ evil }}plain');
  expect(text('{{ y }}', vars)).toEqual({ z: ['plain'] });
  expect(text('{{ x }}', vars)).toBe('{{ evil }}');
});

test('holds reads conditions', () => {
  const s = scope({ r: { rc: 0, failed: true }, xs: [], no: 'no' });
  const check = (value: string | boolean): boolean => holds({ value, source }, s);
  expect(check('r.rc == 0 and r is failed')).toBe(true);
  expect(check('xs')).toBe(false);
  expect(check('{{ r.rc }}')).toBe(false);
  expect(check('no')).toBe(false);
  expect(check('gone is defined and gone.x == 1')).toBe(false);
  expect(check(false)).toBe(false);
});

test('evaluate gives native values', () => {
  expect(evaluate({ value: 'xs + [3]', source }, scope({ xs: [1] }))).toEqual([1, 3]);
});
