import { expect, test } from 'vitest';
import { REFUSED, USED, WITHOUT_EFFECT } from '../../src/inventory/connection-catalogue.js';
import { ansible } from './sandbox.js';

interface Option {
  readonly vars?: readonly { readonly name: string }[];
}

/** Variables that these options of Ansible can be set by in an inventory. */
function variablesOf(options: Readonly<Record<string, Option>>): string[] {
  return Object.values(options)
    .flatMap(({ vars }) => vars ?? [])
    .map(({ name }) => name)
    .filter((name) => /^ansible_\w+$/.test(name));
}

function pluginVariables(type: string, name: string): string[] {
  const text = ansible('ansible-doc', '-t', type, name, '--json');
  const docs = JSON.parse(text) as Record<
    string,
    { doc: { options?: Record<string, Option> } } | undefined
  >;
  return variablesOf(docs[name]?.doc.options ?? {});
}

const used = Object.values(USED).flatMap(({ names }): readonly string[] => names);
const catalogue = [...used, ...Object.keys(REFUSED), ...Object.keys(WITHOUT_EFFECT)];

test.each([
  ['connection', 'ssh', 30],
  ['connection', 'local', 2],
  ['become', 'sudo', 8],
  ['become', 'su', 8],
  ['shell', 'sh', 5],
])(
  'the catalogue has every variable of the %s plugin %s',
  (type, name, least) => {
    const theirs = pluginVariables(type, name);
    expect(theirs.length).toBeGreaterThanOrEqual(least);
    expect(theirs.filter((one) => !catalogue.includes(one))).toEqual([]);
  },
  300_000,
);

/** Of other systems than those that are reached here, or of what ansible prints itself. */
const ELSEWHERE = ['ansible_win_async_startup_timeout'];

test('the catalogue has every variable of a setting of Ansible', () => {
  const text = ansible('ansible-config', 'list', '--format', 'json');
  const theirs = variablesOf(JSON.parse(text) as Record<string, Option>);
  expect(theirs.length).toBeGreaterThan(5);
  expect(theirs.filter((one) => ![...catalogue, ...ELSEWHERE].includes(one))).toEqual([]);
}, 300_000);

test('the catalogue has each variable once', () => {
  expect(catalogue.filter((name, i) => catalogue.indexOf(name) !== i)).toEqual([]);
});
