import fc from 'fast-check';
import { inventoryFaults, varsFaults, type Fault } from './generate-faults.js';
import { iniValue, jsonValue, yamlScalar } from './generate-values.js';

/** Files of one generated inventory, by path relative to its folder, and what to load of them. */
export interface Generated {
  readonly files: Readonly<Record<string, string>>;
  /** Paths, or a list of hosts, which has a comma. */
  readonly sources: readonly string[];
  /** What makes Ansible refuse it, if anything does. */
  readonly fault?: Fault | undefined;
}

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

const scriptGroup = fc.record({
  hosts: fc.subarray(['h1', 'h2', 's3', 's4.example.com', '10.0.0.9']),
  vars: fc.dictionary(varName, jsonValue, { maxKeys: 3, noNullPrototype: true }),
  bare: fc.boolean(),
  children: fc.subarray(GROUPS),
});

/** A script that prints groups as JSON, with the variables of all hosts or when asked for each. */
const script: fc.Arbitrary<string> = fc
  .record({
    groups: fc.array(scriptGroup, { minLength: 1, maxLength: 4 }),
    hostVars: fc.dictionary(varName, jsonValue, { maxKeys: 3, noNullPrototype: true }),
    meta: fc.boolean(),
  })
  .map(({ groups, hostVars, meta }) => {
    const list = groups.map(({ hosts, vars, bare, children }, i) => {
      const below = children.filter((child) => GROUPS.indexOf(child) > i);
      return [GROUPS[i] ?? '', bare ? hosts : { hosts, vars, children: below }] as const;
    });
    const hostvars = { h1: hostVars, s3: { own: 1 }, elsewhere: { never: 'seen' } };
    const root = { ...Object.fromEntries(list), ...(meta && { _meta: { hostvars } }) };
    const print = (value: unknown) => `cat <<'END'\n${JSON.stringify(value)}\nEND\n`;
    return `#!/bin/sh\nif [ "$1" = --list ]; then\n${print(root)}else\n${print(hostVars)}fi\n`;
  });

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

/** A name of a source for each format; what is executable ends in `.sh`. */
const EXTENSIONS = { yaml: '.yml', ini: '.ini', plain: '', script: '.sh' } as const;

interface Source {
  readonly extension: string;
  readonly text: string;
}

const source: fc.Arbitrary<Source> = fc.oneof(
  { weight: 5, arbitrary: yamlInventory.map((text) => ({ extension: EXTENSIONS.yaml, text })) },
  { weight: 3, arbitrary: iniInventory.map((text) => ({ extension: EXTENSIONS.ini, text })) },
  { weight: 2, arbitrary: iniInventory.map((text) => ({ extension: EXTENSIONS.plain, text })) },
  { weight: 1, arbitrary: script.map((text) => ({ extension: EXTENSIONS.script, text })) },
);

/** The sources with one of them spoilt: the first of the fault's format, made so if need be. */
function spoil(sources: readonly Source[], { format, text, whole }: Fault): Source[] {
  const extension = format === 'vars' ? '' : EXTENSIONS[format];
  const found = sources.findIndex((one) => one.extension === extension);
  const at = found < 0 ? 0 : found;
  return sources.map((one, i) => {
    if (i !== at) return one;
    return { extension, text: whole || found < 0 ? text : one.text + text };
  });
}

/**
 * An inventory of one to three sources of any format, with variables in files beside it; one in
 * six has a fault that Ansible refuses.
 */
export const inventories: fc.Arbitrary<Generated> = fc
  .record({
    sources: fc.array(source, { minLength: 1, maxLength: 3 }),
    vars: varsFiles,
    folder: fc.boolean(),
    hostList: fc.boolean(),
    fault: fc.oneof(
      { weight: 14, arbitrary: fc.constant(undefined) },
      { weight: 2, arbitrary: inventoryFaults },
      { weight: 1, arbitrary: varsFaults },
    ),
  })
  .map(({ sources, vars, folder, hostList, fault }) => {
    const inVars = fault?.format === 'vars';
    const all = fault && !inVars ? spoil(sources, fault) : sources;
    const names = all.map(({ extension }, i) => `${folder ? '' : `s${i}/`}part${i}${extension}`);
    const kept = inVars ? vars.filter(([path]) => !path.startsWith('group_vars/all')) : vars;
    const beside = inVars ? [...kept, ['group_vars/all.yml', fault.text] as const] : kept;
    return {
      files: Object.fromEntries([
        ...names.map((name, i) => [name, all[i]?.text ?? ''] as const),
        ...beside.map(([path, text]) => [folder ? path : `s0/${path}`, text] as const),
        // passed over in a folder, and beside it
        [folder ? 'notes.md' : 's0/notes.md', '- no inventory'],
      ]),
      sources: [...(folder ? ['.'] : names), ...(hostList ? ['h1,l2:2222,[2001:db8::7]:22,'] : [])],
      fault,
    };
  });

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
