import fc from 'fast-check';

/** Texts that YAML 1.1 as PyYAML reads it, YAML 1.1 as it is written and YAML 1.2 see differently. */
const YAML_SCALARS = [
  ...['0644', '0o17', '0x1F', '0b101', '1_000', '1:30', '190:20:30', '-12', '+7', '089', '0_'],
  ...['1.5', '1e3', '1.5e+3', '1.e+2', '.5', '1:30.5', '.inf', '-.Inf', '.NaN', '1_0.5', '-.5'],
  ...['yes', 'No', 'on', 'OFF', 'y', 'n', 'True', 'tRue', '~', 'null', 'Null', 'nULL', ''],
  ...['2001-12-14', '2001-12-14t21:59:43.10-05:00', '2001-12-14 21:59:43', '2001-1-2 1:02:03 Z'],
  ...['text', "'0644'", '"a\\tb\\u00e9"', 'a b', '!!str 5', '!unsafe "{{ x }}"', '!!int "7"'],
  ...[
    '[1, two, [3.5]]',
    '{a: 1, b: {c: yes}}',
    '[]',
    '{}',
    "'it''s'",
    '"{{ other }}"',
    '!!float 3',
    '!!bool "on"',
  ],
  ...[
    '100000000000000000000',
    '5.0e+20',
    '1.e+25',
    '0.1',
    '1e-7',
    '123456789.123',
    'ünï',
    '"\\U0001f600"',
    '/a/b',
    'x',
    '<<x',
  ],
];

const INI_VALUES = [
  ...[
    '5E20',
    '-1e25',
    '1',
    '-5',
    '0644',
    '1.5',
    '1e3',
    '0x1f',
    '1_000',
    '1__0',
    'True',
    'true',
    'None',
    'yes',
  ],
  ...[
    "'q'",
    '"d"',
    '"a" "b"',
    "[1, 'a', None]",
    "{'a': [1, {'b': 2.5}], '3x': True}",
    '(1,)',
    '(1)',
    '1, 2',
  ],
  ...[
    'hello',
    'a=b',
    '"un',
    '[1',
    '1+2',
    '1j',
    'u"x"',
    "b'x'",
    "r'\\n'",
    "'\\x41\\u00e9\\n'",
    '...',
  ],
  ...[
    '{1}',
    'set()',
    '--1',
    '-True',
    'not 1',
    '1 if 2 else 3',
    'a,b',
    "'a', 'b'",
    '"""t"""',
    '-0',
    '00',
    '0.0',
  ],
  ...[
    '{{ x }}',
    '/path/to:x',
    '5.',
    '.5',
    '1.2.3.4',
    '"5"',
    '3 # c',
    "'x' # c",
    'é',
    '[]',
    '{}',
    '""',
  ],
];

const letters = (text: string) => Array.from(text);
const noise = fc.string({
  unit: fc.constantFrom(...letters('-+0123456789_.:eExoblnfaIN ~')),
  maxLength: 8,
});

/** A plain scalar of letters that numbers are made of, quoted where it would end the scalar. */
const numeric = noise
  .map((text) => text.trim().replace(/\s+/g, ' '))
  .filter((text) => !/^[-?:]( |$)|: |:$| #|^[,[\]{}&*!|>'"%@`#]|^$|^---|^\.\.\./.test(text));

/** A YAML scalar or flow collection. */
export const yamlScalar = fc.oneof(fc.constantFrom(...YAML_SCALARS), numeric);
/** A value behind `=` in an INI inventory. */
export const iniValue = fc.oneof(
  fc.constantFrom(...INI_VALUES),
  noise,
  fc.string({ unit: fc.constantFrom(...letters(`[](){}'"\\,: 01aTrue#.-`)), maxLength: 10 }),
);

/** A value as inventory scripts print it. */
export const jsonValue = fc.constantFrom<unknown>(
  ...[1, -2, 1.5, 1e300, true, false, null, '', 'text', '0644', '{{ x }}', 'ünï', [], {}],
  ...[[1, ['a', null]], { a: { b: [true] } }, { __ansible_unsafe: '{{ x }}' }],
);
