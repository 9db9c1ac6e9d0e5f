import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { inventorySchema } from '../../src/inventory/schema.js';
import { parseYaml } from '../../src/inventory/yaml-text.js';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** The published file, as an editor uses it; `entry` is a definition in it. */
function published(entry?: string): z.ZodType {
  const schema = JSON.parse(read('inventory/schema.json')) as Record<string, unknown>;
  const { $schema, definitions } = schema;
  const used =
    entry === undefined ? schema : { $schema, definitions, $ref: `#/definitions/${entry}` };
  return z.fromJSONSchema(used);
}

test('inventory/schema.json is what caravan inventory --schema prints', () => {
  expect(read('inventory/schema.json')).toBe(
    `${JSON.stringify(inventorySchema(), undefined, 2)}\n`,
  );
});

test.each([
  ['inventory/example/hosts.yml', undefined],
  ['inventory/example/group_vars/k8s.yml', 'variables'],
])('the published schema accepts %s', (file, entry) => {
  expect(published(entry).safeParse(parseYaml(read(file), file)).error).toBeUndefined();
});

test.each([
  'all: {hosts: {a: , b: {ansible_host: 192.0.2.1, anything: [1]}}, vars: , children: {web: }}',
  'all: {hosts: a}',
  'all: {children: {web: {children: {inner: {hosts: {"h[1:3]": {ansible_port: "2222"}}}}}}}',
  'web: {vars: {ansible_group_priority: 3, ansible_port: "{{ base + 1 }}", ansible_become: yes}}',
  'web: {vars: {ansible_connection: "{{ how }}", ansible_pipelining: true}}',
])('the published schema accepts %s', (text) => {
  expect(published().safeParse(parseYaml(text, 'text')).error).toBeUndefined();
});

test.each([
  'all: {host: {a: }}',
  'all: {hosts: [a, b]}',
  'all: {children: {web: {var: {}}}}',
  'all: [a]',
  'all: {hosts: {a: {ansible_port: ssh}}}',
  'all: {hosts: {a: {ansible_host: [192.0.2.1]}}}',
  'all: {vars: {ansible_connection: docker}}',
  'all: {vars: {ansible_ssh_executable: /usr/bin/ssh}}',
  'all: {vars: {ansible_group_priority: high}}',
  'all: {vars: [a]}',
])('the published schema refuses %s', (text) => {
  expect(published().safeParse(parseYaml(text, 'text')).success).toBe(false);
});
