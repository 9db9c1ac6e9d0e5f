import { afterAll, expect, test } from 'vitest';
import { loadInventory } from '../../src/inventory/load.js';
import { CaravanError } from '../../src/values/error.js';
import { Sandbox } from './sandbox.js';

const sandbox = new Sandbox();
const write = sandbox.write.bind(sandbox);

afterAll(() => {
  sandbox.remove();
});

async function refusal(path: string, scriptTimeoutMs = 10_000): Promise<CaravanError> {
  const thrown: unknown = await loadInventory([path], { scriptTimeoutMs }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(CaravanError);
  return thrown as CaravanError;
}

test.each([
  [
    'cycle.yml',
    'a:\n  children:\n    b:\n      children:\n        a:\n',
    'is a loop',
    'cycle.yml:3:5',
  ],
  ['self.ini', '[a:children]\na\n', 'is a loop', 'self.ini:2:1'],
  ['list.yml', 'all:\n  hosts:\n    - a\n', 'hosts of group "all" is a list', 'list.yml:2:3'],
  ['tab.yml', 'all:\n\thosts:\n', 'not valid YAML', 'tab.yml:2'],
  ['range.ini', '[a]\nok\nh[3:]\n', 'it has no end', 'range.ini:3:1'],
  ['big.ini', '[a]\nh[0:99999999999]\n', 'more than 100000 hosts', 'big.ini:2:1'],
  ['undefined.ini', '[a:children]\n b\n', 'nowhere declared', 'undefined.ini:2:2'],
  ['quote.ini', '[a]\nh x="1\n', 'a quote is not closed', 'quote.ini:2:1'],
  ['plugin.yml', '# x\nplugin: aws_ec2\n', 'aws_ec2', 'plugin.yml:2:1'],
  ['two.yml', 'a:\n---\nb:\n', '2 YAML documents', 'two.yml'],
  [
    'priority.yml',
    'a:\n  vars:\n    ansible_group_priority: high\n',
    'not a whole number',
    'priority.yml:3:5',
  ],
])('loadInventory names the place in %s', async (name, text, message, place) => {
  const error = await refusal(write(name, text));
  expect(error.message).toContain(message);
  expect(error.detail.source).toContain(place);
});

test.each([
  ['exit.sh', '#!/bin/sh\necho broken >&2\nexit 3\n', '--list ended with 3: broken'],
  ['half.sh', `#!/bin/sh\nprintf '{"a": {"hosts": ["x"'\n`, 'no JSON'],
  ['nothing.sh', '#!/bin/sh\n', 'printed nothing'],
  ['hang.sh', '#!/bin/sh\nsleep 600 & sleep 600\n', 'did not end in 1 s'],
  ['bytes.sh', "#!/bin/sh\nprintf '\\377\\376'\n", 'something else than UTF-8'],
  ['missing.sh', '#!/no/such/program\n', 'cannot be run'],
])('loadInventory refuses what %s does', async (name, text, message) => {
  const error = await refusal(write(name, text, 0o755), 1000);
  expect(error.message).toContain(message);
  expect(error.kind).toBe(name === 'hang.sh' ? 'timeout' : 'input');
});

test('loadInventory refuses bombs and bytes', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
  );
  const bomb = `all:\n  vars:\n    a0: &a0 x\n${levels.map((line) => `    ${line}\n`).join('')}`;
  expect((await refusal(write('bomb.yml', bomb))).message).toContain('aliases');
  expect((await refusal(write('loop.yml', 'all: &x\n  vars: {a: *x}\n'))).message).toContain(
    'aliases',
  );
  expect((await refusal(write('bytes.yml', Uint8Array.of(0xff, 0xfe, 0)))).message).toContain(
    'UTF-8',
  );
  const deep = `all: {vars: {a: ${'['.repeat(50_000)}${']'.repeat(50_000)}}}\n`;
  await refusal(write('deep.yml', deep));
});
