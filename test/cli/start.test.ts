import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

test('the program starts from what V8 compiled at the build', () => {
  const start = JSON.stringify(resolve('bin/start.js'));
  const program = `process.argv[2] = '--version'; console.log(require(${start}).start().cachedDataRejected)`;
  const output = execFileSync(process.execPath, ['-e', program, 'caravan'], { encoding: 'utf8' });
  expect(output.split('\n')).toContain('false');
});
