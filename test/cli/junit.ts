import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** An element of an XML document. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly Element[];
}

/** Reads an XML document with a strict parser (expat). Throws where it is not well-formed. */
export function parseXml(text: string): Element {
  const program = join(import.meta.dirname, 'junit.py');
  return JSON.parse(
    execFileSync('python3', [program], { input: text, encoding: 'utf8' }),
  ) as Element;
}

interface Rule {
  readonly needs: readonly string[];
  readonly may?: readonly string[];
  readonly children: readonly string[];
}

const COUNTS = ['tests', 'failures', 'errors', 'time'];

/** As Jenkins' junit-10.xsd and Ant's have it, of what we write. */
const RULES: Readonly<Record<string, Rule>> = {
  testsuites: { needs: [], may: COUNTS, children: ['testsuite'] },
  testsuite: { needs: ['name', ...COUNTS], may: ['skipped', 'timestamp'], children: ['testcase'] },
  testcase: {
    ...{ needs: ['name', 'classname', 'time'], may: ['file', 'line'] },
    children: ['skipped', 'failure', 'error'],
  },
  skipped: { needs: [], may: ['message'], children: [] },
  failure: { needs: ['type'], may: ['message'], children: [] },
  error: { needs: ['type'], may: ['message'], children: [] },
};

function all(element: Element, name: string): Element[] {
  const own = element.name === name ? [element] : [];
  return [...own, ...element.children.flatMap((child) => all(child, name))];
}

/** What is not as the schema of JUnit documents says, one line each. */
export function junitMistakes(element: Element): string[] {
  const { name, attributes, children } = element;
  const rule = RULES[name];
  if (rule === undefined) return [`no element '${name}'`];
  const { needs, may = [] } = rule;
  const found = [
    ...needs.filter((key) => !(key in attributes)).map((key) => `${name} lacks '${key}'`),
    ...Object.keys(attributes)
      .filter((key) => ![...needs, ...may].includes(key))
      .map((key) => `${name} has '${key}'`),
    ...children
      .filter((child) => !rule.children.includes(child.name))
      .map((child) => `'${child.name}' in '${name}'`),
    ...(name === 'testcase' && children.length > 1 ? ['a testcase with two ends'] : []),
  ];
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'time' && !/^\d+\.\d+$/.test(value)) found.push(`time '${value}'`);
    if (key === 'timestamp' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(value))
      found.push(`timestamp '${value}'`);
    const counted = { tests: 'testcase', failures: 'failure', errors: 'error' }[key];
    if (counted !== undefined && all(element, counted).length !== Number(value))
      found.push(`${name} has ${all(element, counted).length} of '${counted}', not ${value}`);
  }
  return [...found, ...children.flatMap(junitMistakes)];
}
