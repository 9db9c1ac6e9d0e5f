import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection, ConnectionTarget } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { joinScripts, sh } from '../../src/values/shell.js';
import { startSshd, type Sshd } from './sshd.js';

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
});

const kinds: readonly ConnectionTarget['kind'][] = ['ssh', 'local'];

describe.each(kinds)('Connection of kind %s', (kind) => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await createTransport().connect(sshd.target({ kind }));
  });
  afterAll(async () => {
    await connection.close();
  });

  test('run keeps both streams apart, whole, and gives the exit code', async () => {
    const script = sh`printf 'a\n\nb'; printf 'no newline' >&2; exit 7`;
    expect(await connection.run(script)).toEqual({
      code: 7,
      stdout: 'a\n\nb',
      stderr: 'no newline',
    });
  });

  test('run gives each step a shell that earlier steps left untouched', async () => {
    await connection.run(sh`cd /; x=1; exec >/dev/null 2>&1; set -eu`);
    const { stdout } = await connection.run(sh`echo "\${x-unset}"; cat; echo $LC_ALL`);
    expect(stdout).toBe('unset\nC\n');
  });

  test('run survives a syntax error, an unbalanced parenthesis and a killed subshell', async () => {
    for (const script of [sh`if then (`, sh`echo a )`, sh`kill -9 $(sh -c 'echo $PPID')`]) {
      expect((await connection.run(script)).code).not.toBe(0);
    }
    expect((await connection.run(sh`echo alive`)).stdout).toBe('alive\n');
  });

  test('run gives stdin to the step, byte for byte, 5 MiB too', async () => {
    const stdin = randomBytes(5 * 1024 * 1024);
    const { stdout, code } = await connection.run(sh`base64 | tr -d '\n'`, { stdin });
    expect(code).toBe(0);
    expect(Buffer.from(stdout, 'base64').equals(stdin)).toBe(true);
    expect((await connection.run(sh`cat`, { stdin: '' })).stdout).toBe('');
  });

  test('run takes a script of 3 MiB', async () => {
    const lines = Array.from(
      { length: 60_000 },
      (_, i) => sh`: ${`it's line number ${i} of many`}`,
    );
    const { stdout } = await connection.run(joinScripts([...lines, sh`echo end`]));
    expect(stdout).toBe('end\n');
  });

  test('run leaves no step without its own answer when 50 are asked for at once', async () => {
    const all = Array.from({ length: 50 }, (_, i) => connection.run(sh`echo ${i}; echo ${i} >&2`));
    const results = await Promise.all(all);
    expect(results.map((r) => r.stdout)).toEqual(results.map((_, i) => `${i}\n`));
    expect(results.map((r) => r.stderr)).toEqual(results.map((_, i) => `${i}\n`));
  });

  test('run gives lines while the step still runs', async () => {
    const folder = (await connection.run(sh`mktemp -d`)).stdout.trim();
    const lines: string[] = [];
    let released: Promise<unknown> | undefined;
    const second = await createTransport().connect(sshd.target({ kind }));
    await connection.run(
      sh`echo first; until [ -e ${folder}/go ]; do sleep 0.01; done; printf 'last ü'`,
      {
        onLine: (line) => {
          lines.push(line);
          released ??= second.run(sh`touch ${folder}/go`);
        },
      },
    );
    await released;
    await second.close();
    await connection.run(sh`rm -r ${folder}`);
    expect(lines).toEqual(['first', 'last ü']);
  });
});
