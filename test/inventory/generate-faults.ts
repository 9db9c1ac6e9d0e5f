import fc from 'fast-check';

/** Text that makes a source one that Ansible refuses. */
export interface Fault {
  /** Format of the source that it spoils. */
  readonly format: 'yaml' | 'ini' | 'script' | 'vars';
  readonly text: string;
  /** Takes the place of the source instead of standing behind it. */
  readonly whole: boolean;
}

const behind = (format: Fault['format'], texts: readonly string[]): Fault[] =>
  texts.map((text) => ({ format, text, whole: false }));
const whole = (format: Fault['format'], texts: readonly string[]): Fault[] =>
  texts.map((text) => ({ format, text, whole: true }));

const INI = behind('ini', [
  '[x1:children]\nx1\n',
  '[x1:children]\nx2\n[x2:children]\nx1\n',
  '[x1:children]\nnowhere\n',
  '[nowhere:vars]\na=1\n',
  '[x1:vars]\nno value\n',
  '[x1:vars]\nansible_group_priority=high\n',
  '[x1:children]\ntwo words\n',
  '[x1:things]\na\n',
  '[x 1]\na\n',
  '[x1]\nh9 no_value\n',
  '[x1]\nh9 a="1\n',
  '[x1]\nh9:\n',
  '[x1]\n---\n',
  ...['h[1:', 'h[1:]', 'h[]', 'h[1]', 'h[01:003]', 'h[1:2:3:4]', 'h[c:a]', 'h[a:2]', 'h[1:x]'].map(
    (host) => `[x1]\n${host}\n`,
  ),
]);

const YAML = [
  ...behind('yaml', [
    'x1:\n  children:\n    x1:\n',
    'x1:\n  children:\n    x2:\n      children:\n        x1:\n',
    'x1: {hosts: [a, b]}\n',
    'x1: {vars: [a]}\n',
    'x1: {children: 5}\n',
    'x1: {hosts: {a: [1]}}\n',
    'x1: {hosts: {a: text}}\n',
    'x1: {hosts: {"h[1:]": }}\n',
    'x1: {hosts: {"h[c:a]": }}\n',
    'x1: {vars: {ansible_group_priority: high}}\n',
    'plugin: no.such.plugin\n',
    'x1: *nowhere\n',
    'x1: !nowhere y\n',
    'x1: {a: [}\n',
    'x1: "open\n',
    'x1:\n\thosts:\n',
    'x1: a: b\n',
    '---\nx2:\n',
    '? [a]\n: b\n',
    'x1: @a\n',
  ]),
  // Ansible reads as INI what is broken YAML; this is neither
  ...whole('yaml', ['- a\n', '[]\n', 'a: b: c\n']),
];

const SCRIPTS = whole('script', [
  '#!/bin/sh\nexit 3\n',
  '#!/bin/sh\necho \'{"g1": {"hosts": ["h1"\'\n',
  "#!/bin/sh\necho '[]'\n",
  '#!/bin/sh\necho \'{"g1": {"hosts": "h1"}}\'\n',
  '#!/bin/sh\necho \'{"g1": {"hosts": ["h1"], "vars": [1]}}\'\n',
  '#!/bin/sh\necho \'{"g1": {"children": ["g1"]}}\'\n',
  '#!/bin/sh\necho \'{"_meta": {"hostvars": []}}\'\n',
  '#!/bin/sh\necho \'{"_meta": {}}\'\n',
  "#!/no/such/program\necho '{}'\n",
]);

/** Faults of sources. */
export const inventoryFaults = fc.constantFrom(...INI, ...YAML, ...SCRIPTS);

/** Faults of a file of variables. */
export const varsFaults = fc.constantFrom(
  ...whole('vars', [
    '- a\n',
    'text\n',
    'a: [\n',
    'a: *x\n',
    'a: !nowhere x\n',
    'a: 1\n--- \nb: 2\n',
  ]),
);
