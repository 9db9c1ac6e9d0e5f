import { afterAll, beforeAll, expect, test } from 'vitest';
import { lazyVars, Variables } from '../../src/engine/variables.js';
import { connectionTarget } from '../../src/inventory/connection.js';
import { loadInventory } from '../../src/inventory/load.js';
import { CaravanError } from '../../src/values/error.js';
import { Oracle } from './oracle.js';
import { Sandbox } from './sandbox.js';

const sandbox = new Sandbox();
let oracle: Oracle;

beforeAll(() => {
  oracle = new Oracle();
}, 300_000);

afterAll(() => {
  oracle.close();
  sandbox.remove();
});

/** Variables of host `a`; those that begin with `t_` are rendered by both. */
const VARS = `
number: 3
ratio: 0.5
yes_: on
nothing: ~
words: [one, two]
net: {base: 10.0.0, mask: {bits: 24}, "odd key": 1}
chain3: "{{ number }}"
chain2: "{{ chain3 }}"
chain1: "{{ chain2 }}"
broken: "{{ missing }}"
broken_twice: "{{ broken }}"
loop1: "{{ loop2 }}"
loop2: "{{ loop1 }}"
literal: !unsafe "{{ number }}"
t_number: "{{ number }}"
t_chain: "{{ chain1 }}"
t_ratio: "{{ ratio }}"
t_true: "{{ yes_ }}"
t_null: "{{ nothing }}"
t_list: "{{ words }}"
t_mapping: "{{ net }}"
t_member: "{{ net.mask.bits }}"
t_subscript: "{{ net['odd key'] }}"
t_item: "{{ words[1] }}"
t_last: "{{ words[-1] }}"
t_text: "n={{ number }}"
t_two: "{{ number }}{{ number }}"
t_sum: "{{ number + 1 }}"
t_as_text: "{{ number | string }}"
t_as_number: "{{ '42' | int }}"
t_quoted: "{{ '7' }}"
t_joined: "{{ words | join(',') }}"
t_default: "{{ missing | default('d') }}"
t_default_of_broken: "{{ broken_twice | default('d') }}"
t_default_member: "{{ net.nope | default(5) }}"
t_condition: "{{ 'many' if number > 2 else 'few' }}"
t_ternary: "{{ (number > 2) | ternary('many', 'few') }}"
t_defined: "{{ missing is defined }}"
t_statement: "{% for w in words %}{{ w }};{% endfor %}"
t_list_literal: "{{ [number, words] }}"
t_mapping_literal: "{{ {'a': number} }}"
t_nested: {deep: ["{{ number }}", {x: "{{ words }}"}]}
t_group: "{{ groups['web'] }}"
t_groups_size: "{{ groups.web | length }}"
t_names: "{{ group_names }}"
t_host: "{{ inventory_hostname }}/{{ inventory_hostname_short }}"
t_other: "{{ hostvars['b.example.com'].own }}"
t_other_lazy: "{{ hostvars['b.example.com']['from'] }}"
t_unsafe: "{{ literal }}"
t_unsafe_inside: "<{{ literal }}>"
t_plain: no template
t_braces: "{ not } one"
t_missing: "{{ missing }}"
t_broken: "{{ broken_twice }}"
t_missing_member: "{{ net.nope }}"
t_loop: "{{ loop1 }}"
t_syntax: "{{ number + }}"
t_filter: "{{ number | no_such_filter }}"
`;

async function resolved() {
  const file = sandbox.write('hosts.ini', '[web]\na\nb.example.com\n[db]\na\n');
  sandbox.write('host_vars/a.yml', VARS);
  sandbox.write('host_vars/b.example.com.yml', 'own: 9\nfrom: "{{ own + 1 }}"\n');
  const inventory = await loadInventory([file]);
  const variables = new Variables(inventory, {}, {});
  const vars = (name: string) => lazyVars(variables.scope(variables.host(name)!));
  return { file, vars };
}

function valueOf(vars: Readonly<Record<string, unknown>>, name: string): unknown {
  try {
    return { value: vars[name] };
  } catch (thrown) {
    if (!(thrown instanceof CaravanError)) throw thrown;
    return 'refused';
  }
}

test('variables resolve to the values that Ansible gives them', async () => {
  const { file, vars } = await resolved();
  const { rendered, error } = await oracle.ask({ sources: [file], render: 'a' });
  expect(error).toBeUndefined();
  const theirs = Object.fromEntries(
    Object.entries(rendered).map(([name, result]) => [
      name,
      'error' in result ? 'refused' : result,
    ]),
  );
  expect(Object.keys(theirs).length).toBeGreaterThan(40);
  const refused = Object.keys(theirs).filter((name) => theirs[name] === 'refused');
  expect(refused.sort()).toEqual(
    ['t_broken', 't_filter', 't_loop', 't_missing', 't_missing_member', 't_syntax'].sort(),
  );
  const own = vars('a');
  const ours = Object.fromEntries(Object.keys(theirs).map((name) => [name, valueOf(own, name)]));
  expect(ours).toEqual(theirs);
});

test('an undefined variable names its chain, and a loop its links', async () => {
  const { vars } = await resolved();
  const own = vars('a');
  expect(() => own['t_broken']).toThrow(
    "'missing' is undefined in 'missing': t_broken -> broken_twice -> broken -> missing",
  );
  expect(() => own['t_loop']).toThrow('made of itself: t_loop -> loop1 -> loop2 -> loop1');
});

test('connectionTarget resolves only what it reads', async () => {
  const file = sandbox.write(
    'target/hosts.yml',
    `all:
  hosts:
    c1: {n: 7, ansible_port: '{{ 2000 + n }}', ansible_unused: '{{ missing }}'}
    c2: {n: 8, ansible_user: '{{ who }}', who: '{{ nobody }}'}
  vars:
    ansible_host: '{{ prefix }}.{{ n }}'
    prefix: 192.0.2
    ansible_become: '{{ n == 7 }}'
`,
  );
  const inventory = await loadInventory([file]);
  const variables = new Variables(inventory, {}, {});
  const target = (name: string) =>
    connectionTarget({ name, vars: lazyVars(variables.scope(variables.host(name)!)) });
  expect(target('c1')).toMatchObject({
    address: '192.0.2.7',
    port: 2007,
    become: { enabled: true },
  });
  expect(() => target('c2')).toThrow(
    "ansible_user of c2: 'nobody' is undefined in 'nobody': ansible_user -> who -> nobody",
  );
});
