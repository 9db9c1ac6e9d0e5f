import fc from 'fast-check';

/** Files of one generated inventory, by path relative to its folder, and what to load of them. */
export interface Generated {
  readonly files: Readonly<Record<string, string>>;
  readonly sources: readonly string[];
}

/** Texts that YAML 1.1 as PyYAML reads it, YAML 1.1 as it is written and YAML 1.2 see differently. */
const YAML_SCALARS = [
  ...['0644', '0o17', '0x1F', '0b101', '1_000', '1:30', '190:20:30', '-12', '+7', '089', '0_'],
  ...['1.5', '1e3', '1.5e+3', '1.e+2', '.5', '1:30.5', '.inf', '-.Inf', '.NaN', '1_0.5', '-.5'],
  ...['yes', 'No', 'on', 'OFF', 'y', 'n', 'True', 'tRue', '~', 'null', 'Null', 'nULL', ''],
  ...['2001-12-14', '2001-12-14t21:59:43.10-05:00', '2001-12-14 21:59:43', '2001-1-2 1:02:03 Z'],
  ...[
    'text',
    "'0644'",
    '"a\\tb\\u00e9"',
    'a b: c'.slice(0, 3),
    '!!str 5',
    '!unsafe "{{ x }}"',
    '!!int "7"',
  ],
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
    '0.1',
    '1e-7',
    '123456789.123',
    'ünï',
    '"\\U0001f600"',
    '/a/b',
    '%x'.slice(1),
    '<<x',
  ],
];

const INI_VALUES = [
  ...['1', '-5', '0644', '1.5', '1e3', '0x1f', '1_000', '1__0', 'True', 'true', 'None', 'yes'],
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

const yamlScalar = fc.oneof(fc.constantFrom(...YAML_SCALARS), numeric);
const iniValue = fc.oneof(
  fc.constantFrom(...INI_VALUES),
  noise,
  fc.string({ unit: fc.constantFrom(...letters(`[](){}'"\\,: 01aTrue#.-`)), maxLength: 10 }),
);
const varName = fc.constantFrom('alpha', 'beta', 'gamma_1', 'ansible_host', 'ansible_port', 'z');
const hostEntry = fc.constantFrom(
  ...['h1', 'h2', 'h3', 'h4.example.com', 'h[1:3]', 'h[01:03]', 'h[1:9:4]', 'h[a:c]', 'h5:2222'],
  ...[
    '10.0.0.1',
    '10.0.0.[2:3]',
    '10.0.0.4:22',
    '[2001:db8::1]:2222',
    'h-x_y',
    'h[1:2]-[a:b].ex',
    'h6_',
  ],
);
const GROUPS = ['g1', 'g2', 'g3', 'g-4', 'g5', 'g6'];

interface GroupModel {
  readonly name: string;
  readonly hosts: readonly (readonly [string, readonly (readonly [string, string])[]])[];
  readonly vars: readonly (readonly [string, string])[];
  readonly children: readonly string[];
  readonly priority: number | undefined;
}

/** Groups whose children come later in the list: no loops. */
function model(value: fc.Arbitrary<string>): fc.Arbitrary<GroupModel[]> {
  const pairs = fc.uniqueArray(fc.tuple(varName, value), {
    maxLength: 3,
    selector: ([name]) => name,
  });
  const body = fc.record({
    hosts: fc.uniqueArray(fc.tuple(hostEntry, pairs), { maxLength: 4, selector: ([name]) => name }),
    vars: pairs,
    children: fc.subarray(GROUPS),
    priority: fc.option(fc.integer({ min: -2, max: 20 }), { nil: undefined, freq: 3 }),
  });
  return fc
    .tuple(fc.array(body, { minLength: 1, maxLength: 6 }), fc.boolean())
    .chain(([bodies, withUngrouped]) =>
      fc.constant(
        bodies.map((one, i) => {
          const first = i === 0 && withUngrouped;
          const later = GROUPS.slice(i + 1, bodies.length);
          return {
            ...one,
            name: first ? 'all' : (GROUPS[i] ?? 'g1'),
            children: one.children.filter((child) => later.includes(child)),
          };
        }),
      ),
    )
    .chain((groups) => fc.shuffledSubarray(groups, { minLength: groups.length }));
}

function yamlText(groups: readonly GroupModel[]): string {
  const lines: string[] = [];
  const put = (depth: number, text: string) => lines.push('  '.repeat(depth) + text);
  for (const group of groups) {
    put(0, `${group.name}:`);
    if (group.hosts.length > 0) put(1, 'hosts:');
    for (const [name, vars] of group.hosts) {
      put(2, `"${name}":`);
      for (const [key, value] of vars) put(3, `${key}: ${value}`);
    }
    const vars = priority(group);
    if (vars.length > 0) put(1, 'vars:');
    for (const [key, value] of vars) put(2, `${key}: ${value}`);
    if (group.children.length > 0) put(1, 'children:');
    for (const child of group.children) put(2, `${child}:`);
  }
  return `${lines.join('\n')}\n`;
}

function priority(group: GroupModel): (readonly [string, string])[] {
  const own =
    group.priority === undefined
      ? []
      : [['ansible_group_priority', String(group.priority)] as const];
  return [...group.vars, ...own];
}

function iniText(groups: readonly GroupModel[]): string {
  const lines: string[] = [];
  for (const group of groups) {
    lines.push(`[${group.name}] # hosts`);
    for (const [name, vars] of group.hosts) {
      const words = vars.map(([key, value]) => `${key}=${iniWord(value)}`);
      lines.push([name, ...words].join('  '));
    }
    const vars = priority(group);
    if (vars.length > 0) lines.push('', `[${group.name}:vars]`);
    for (const [key, value] of vars) lines.push(`${key} = ${value}`);
    if (group.children.length > 0)
      lines.push(`[${group.name}:children]`, '; children', ...group.children);
  }
  return `${lines.join('\n')}\n`;
}

/** A value behind a host: quoted as a shell would need it, or bare where that is harmless. */
function iniWord(value: string): string {
  if (/^[\w.+:/,-]*$/.test(value)) return value;
  return value.includes("'") ? `"${value.replace(/["\\]/g, '\\$&')}"` : `'${value}'`;
}

const yamlInventory = model(yamlScalar).map(yamlText);
const iniInventory = model(iniValue).map(iniText);

const varsFile = fc
  .uniqueArray(fc.tuple(varName, yamlScalar), {
    minLength: 1,
    maxLength: 3,
    selector: ([name]) => name,
  })
  .map((pairs) => pairs.map(([key, value]) => `${key}: ${value}\n`).join(''));

const varsPath = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('all', 'ungrouped', ...GROUPS),
      fc.constantFrom('', '.yml', '.yaml', '/a.yml', '/sub/b', '/.hid.yml', '/x.txt'),
    )
    .map(([name, end]) => `group_vars/${name}${end}`),
  fc
    .tuple(
      fc.constantFrom('h1', 'h2', 'h01', 'h4.example.com', '10.0.0.1'),
      fc.constantFrom('', '.yml', '.yaml', '/a.yml'),
    )
    .map(([name, end]) => `host_vars/${name}${end}`),
);

const varsFiles = fc
  .uniqueArray(fc.tuple(varsPath, varsFile), { maxLength: 6, selector: ([path]) => path })
  .map((files) => {
    const paths = files.map(([path]) => path);
    // a path cannot be a file and the folder of another
    return files.filter(([path]) => !paths.some((other) => other.startsWith(`${path}/`)));
  });

/** An inventory of one to three sources in either format, with variables in files beside it. */
export const inventories: fc.Arbitrary<Generated> = fc
  .tuple(
    fc.array(
      fc.oneof(
        yamlInventory.map((text) => ['.yml', text] as const),
        iniInventory.map((text) => ['.ini', text] as const),
        iniInventory.map((text) => ['', text] as const),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    varsFiles,
    fc.boolean(),
  )
  .map(([sources, vars, folder]) => {
    const names = sources.map(([extension], i) => `${folder ? '' : `s${i}/`}part${i}${extension}`);
    return {
      files: Object.fromEntries([
        ...names.map((name, i) => [name, sources[i]?.[1] ?? ''] as const),
        ...vars.map(([path, text]) => [folder ? path : `s0/${path}`, text] as const),
      ]),
      sources: folder ? ['.'] : names,
    };
  });

const word = fc.constantFrom(
  ...['all', 'ungrouped', 'g1', 'g2', 'g3', 'g-4', 'h1', 'h2', 'h01', 'h4.example.com', '10.0.0.1'],
  ...[
    '*',
    'h*',
    'g*',
    'h?',
    'h[12]',
    'h[!1]',
    'g[1-3]',
    '*.example.com',
    '10.*',
    'nope',
    'h[1:3]',
    '?*',
  ],
  ...[
    '~h[0-9]+',
    '~.*1$',
    '~(g1|h2)',
    '~g',
    'h[',
    'h]',
    '[]',
    'a*l',
    'localhost',
    '127.0.0.1',
    'g1:80',
  ],
);
const subscript = fc.constantFrom(
  '',
  '',
  '',
  '',
  '[0]',
  '[-1]',
  '[1]',
  '[0:1]',
  '[1:]',
  '[0:0]',
  '[5:9]',
  '[2-3]',
  '[7]',
);
const sign = fc.constantFrom('', '', '', '&', '!');

/** Host patterns; with subscripts only where hosts have one order (no nesting). */
export const patterns = (subscripts: boolean): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.tuple(sign, word, subscripts ? subscript : fc.constant('')), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.constantFrom(',', ':', ', ', ' ,', ',,'),
    )
    .map(([parts, separator]) => parts.map((part) => part.join('')).join(separator));

/** An inventory without nesting, in which Ansible's order of hosts does not depend on hashes. */
export const flatInventories: fc.Arbitrary<string> = model(iniValue).map((groups) =>
  iniText(
    groups.map((group) => ({
      ...group,
      children: [],
      vars: [],
      hosts: group.hosts.map(([name]) => [name, []]),
    })),
  ),
);

/** A nested one, for patterns. */
export const nestedInventories: fc.Arbitrary<string> = model(iniValue).map((groups) =>
  iniText(
    groups.map((group) => ({ ...group, vars: [], hosts: group.hosts.map(([name]) => [name, []]) })),
  ),
);
