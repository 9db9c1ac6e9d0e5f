import { expect, test } from 'vitest';
import { runJinja } from './jinja.js';

const evaluate = (expression: string): unknown => {
  const result = runJinja('expression', expression, {});
  return result.ok ? result.value : result.failure;
};

// Ansible has these in a collection, which the conformance suite does not install.
test.each<[string, unknown]>([
  ["'10.1.2.3/24' | ipaddr('address')", '10.1.2.3'],
  ["'10.1.2.3/24' | ipaddr('network')", '10.1.2.0'],
  ["'10.1.2.3/24' | ipaddr('netmask')", '255.255.255.0'],
  ["'10.1.2.3/24' | ipaddr('broadcast')", '10.1.2.255'],
  ["'10.1.2.3/24' | ipaddr('prefix')", 24],
  ["'10.1.2.3/24' | ipaddr('subnet')", '10.1.2.0/24'],
  ["'10.1.2.3/24' | ipaddr('size')", 256],
  ["'10.1.2.0/24' | ipaddr(5)", '10.1.2.5/24'],
  ["'10.1.2.0/24' | ipaddr(-2)", '10.1.2.254/24'],
  ["'10.1.2.3' | ipaddr('10.0.0.0/8')", '10.1.2.3'],
  ["'11.1.2.3' | ipaddr('10.0.0.0/8')", false],
  ["'no' | ipaddr", false],
  ["['10.0.0.1', 'no', 'fd00::1'] | ipv4", ['10.0.0.1']],
  ["['10.0.0.1', 'no', 'fd00::1'] | ipv6", ['fd00::1']],
  ["'fd00::1/64' | ipaddr('network')", 'fd00::'],
  ["'10.0.0.0/16' | ipsubnet(24, 3)", '10.0.3.0/24'],
  ["'10.0.0.0/16' | ipsubnet(24)", '256'],
  ["'fd00::1' | ipwrap", '[fd00::1]'],
  ["'10.1.2.3' | ipaddr('private')", '10.1.2.3'],
])('%s', (expression, value) => {
  expect(evaluate(expression)).toEqual(value);
});

test.each<[string, string]>([
  ['1 | to_jsn', "did you mean 'to_json'"],
  ['1 is vershon', "did you mean 'version'"],
])('%s names near ones', (expression, hint) => {
  expect(evaluate(expression)).toMatchObject({ hint: expect.stringContaining(hint) as string });
});
