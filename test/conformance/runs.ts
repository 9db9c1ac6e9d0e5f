import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { runCommand, runFile } from '../../src/cli/run.js';
import { exitCodeOfError } from '../../src/cli/exit.js';
import type { RunEvent } from '../../src/engine/events.js';
import { Secret } from '../../src/values/secret.js';
import { CaravanError } from '../../src/values/error.js';
import { ansiblePrograms } from '../inventory/oracle.js';
import type { Sshd } from '../transport/sshd.js';
import { filesUnder, type Answer } from './answer.js';
import type { Case } from './cases.js';

const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'caravan/conformance',
);

/** Hosts that are all this machine, over SSH; `gone1` does not answer. */
function inventory(sshd: Sshd, { files }: Case): string {
  const hasGone = Object.values(files).some((text) => text.includes('gone1'));
  return [
    ...['[web]', 'h1 rank=1', 'h2 rank=2', '[db]', 'h3 rank=3', 'h4 rank=4'],
    ...(hasGone ? ['[gone]', 'gone1 ansible_port=1'] : []),
    '[all:vars]',
    `ansible_host=${sshd.address}`,
    `ansible_port=${sshd.port}`,
    `ansible_user=${sshd.user}`,
    `ansible_ssh_private_key_file=${sshd.userKey}`,
    `ansible_ssh_common_args='-o UserKnownHostsFile=${sshd.knownHosts}'`,
    `ansible_python_interpreter=${join(ansiblePrograms(), 'python')}`,
    'colour=blue',
    '',
  ]
    .join('\n')
    .replace('gone1 ansible_port=1', 'gone1 ansible_host=127.0.0.1 ansible_port=1');
}

/** The folder of a case: its playbook, and a folder of its own for each host. */
function prepare(folder: string, one: Case, sshd: Sshd): void {
  rmSync(folder, { recursive: true, force: true });
  for (const host of ['h1', 'h2', 'h3', 'h4'])
    mkdirSync(join(folder, 'hosts', host), { recursive: true });
  writeFileSync(join(folder, 'inventory'), inventory(sshd, one));
  for (const [name, text] of Object.entries(one.files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function argumentsOf(folder: string, { args }: Case): string[] {
  return ['-i', join(folder, 'inventory'), '-e', `dir=${join(folder, 'hosts')}`, ...args];
}

interface Line {
  readonly type: string;
  readonly name?: string;
  readonly host?: string;
  readonly task?: string;
  readonly status?: string;
  readonly item?: string;
  readonly recap?: Answer['recap'];
  readonly vars?: Answer['vars'];
}

function told(lines: readonly Line[]): Pick<Answer, 'order' | 'results'> {
  const results: Record<string, string[]> = {};
  const order: string[] = [];
  for (const { type, name, host = '', task, status, item } of lines) {
    if (type === 'result')
      (results[host] ??= []).push(
        `${task ?? ''}${item === undefined ? '' : ` (${item})`}: ${status ?? ''}`,
      );
    else if (type !== 'end') order.push(`${type} ${name ?? ''}`);
  }
  return { order, results };
}

/** Ansible, asked once for each case: its answers are kept, since one takes seconds. */
export class Ansible {
  #child: ChildProcess | undefined;
  #ended = false;
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(readonly base: string) {}

  #process(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    const child = spawn(
      join(ansiblePrograms(), 'python'),
      [join(import.meta.dirname, 'oracle.py')],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: {
          ...process.env,
          ANSIBLE_HOME: join(this.base, 'ansible'),
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(this.base, 'cp'),
        },
      },
    );
    createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.(line));
    child.on('exit', () => {
      this.#ended = true;
      for (const answer of this.#waiting.splice(0)) answer('ended');
    });
    this.#child = child;
    return child;
  }

  async run(one: Case, sshd: Sshd): Promise<Answer> {
    const key = createHash('sha256')
      .update(JSON.stringify([one, ansibleVersion(), oracleText()]))
      .digest('hex');
    const kept = join(CACHE, `${key}.json`);
    if (existsSync(kept))
      return JSON.parse(readFileSync(kept, 'utf8').replaceAll('$BASE', this.base)) as Answer;
    const folder = join(this.base, 'case');
    prepare(folder, one, sshd);
    const answer = join(this.base, 'answer');
    for (const file of [answer, `${answer}.log`]) rmSync(file, { force: true });
    const question = {
      folder,
      answer,
      arguments: [...argumentsOf(folder, one), join(folder, 'site.yml')],
    };
    const exit = await new Promise<string>((resolve) => {
      this.#waiting.push(resolve);
      this.#process().stdin!.write(`${JSON.stringify(question)}\n`);
      if (this.#ended) resolve('ended');
    });
    if (!/^\d+$/.test(exit)) throw new Error('the process of Ansible ended');
    const lines = existsSync(answer)
      ? readFileSync(answer, 'utf8')
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Line)
      : [];
    const end = lines.find(({ type }) => type === 'end');
    const found: Answer = {
      exit: Number(exit),
      ...told(lines),
      recap: Object.fromEntries(
        Object.entries(end?.recap ?? {}).map(([host, { failures = 0, ...counts }]) => [
          host,
          { ...counts, failed: failures },
        ]),
      ),
      vars: end?.vars ?? {},
      files: filesUnder(join(folder, 'hosts')),
      log: readFileSync(`${answer}.log`, 'utf8').slice(-1000),
    };
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(kept, JSON.stringify(found).replaceAll(this.base, '$BASE'));
    return found;
  }

  close(): void {
    this.#child?.stdin?.end();
  }
}

/** Of Python and of ansible-core: another one may answer otherwise. */
function ansibleVersion(): string {
  const lib = join(ansiblePrograms(), '../lib');
  return readdirSync(lib)
    .flatMap((python) =>
      readdirSync(join(lib, python, 'site-packages')).map((name) => [python, name]),
    )
    .filter(([, name]) => /^ansible_core-.*\.dist-info$/.test(name ?? ''))
    .join();
}

function oracleText(): string {
  return ['oracle.py', 'ansible.cfg', 'callback/conformance.py']
    .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
    .join('');
}

/** Values as JSON holds them, secrets opened: what a later task would see. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return (value as Secret).reveal();
  if (Array.isArray(value)) return value.map(revealed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
}

function line(event: RunEvent): Line[] {
  if (event.type === 'play-start') return [{ type: 'play', name: event.play }];
  if (event.type === 'task-start')
    return [{ type: event.handler ? 'handler' : 'task', name: event.task }];
  if (event.type !== 'host-result') return [];
  const { host, task, item } = event;
  const ignored = event.ignored === true && item === undefined && event.status === 'failed';
  const status = ignored ? 'ignored' : event.status;
  return [{ type: 'result', host, task, status, ...(item === undefined ? {} : { item }) }];
}

const SCHEMA = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../docs/run-events.schema.json'), 'utf8'),
) as object;
// The form of a date is a pattern of the schema, too.
const validate = new Ajv2020({ validateFormats: false }).compile(SCHEMA);

/** @throws Error where a line of `--output json` is not what the published schema says. */
function checked(line: string): RunEvent {
  const event = JSON.parse(line) as RunEvent;
  if (validate(event)) return event;
  throw new Error(
    `an event is not as the schema says: ${JSON.stringify(validate.errors)}: ${line}`,
  );
}

/** The same case here: the command line's own code, in this process. */
export async function runCaravan(base: string, one: Case, sshd: Sshd): Promise<Answer> {
  const folder = join(base, 'case');
  prepare(folder, one, sshd);
  const lines: Line[] = [];
  let text = '';
  const out = {
    write: (chunk: string) => {
      for (const part of chunk.split('\n'))
        if (part.startsWith('{')) {
          const event = checked(part);
          lines.push(...line(event));
          if (event.type === 'host-result' && event.error) text += `${event.error.message}\n`;
        } else text += part;
    },
  };
  let vars: Answer['vars'] = {};
  let recap: Answer['recap'] = {};
  const command = runCommand(async (file, options) => {
    try {
      const { code, outcome } = await runFile(file, options, { out, err: out });
      vars = Object.fromEntries(
        [...(outcome?.facts ?? [])].map(([host, facts]) => [
          host,
          revealed(facts) as Record<string, unknown>,
        ]),
      );
      recap = outcome?.recap ?? {};
      return { code };
    } catch (error) {
      if (!(error instanceof CaravanError)) throw error;
      text += `${error.kind}: ${error.message} ${error.detail.source ?? ''} ${error.detail.hint ?? ''}`;
      return { code: exitCodeOfError(error) };
    }
  });
  const before = process.exitCode;
  const home = process.cwd();
  process.chdir(folder);
  try {
    await command.parseAsync(
      [...argumentsOf(folder, one), '--output', 'json', join(folder, 'site.yml')],
      { from: 'user' },
    );
    return {
      exit: Number(process.exitCode),
      ...told(lines),
      recap,
      vars,
      files: filesUnder(join(folder, 'hosts')),
      log: text,
    };
  } finally {
    process.chdir(home);
    process.exitCode = before;
  }
}
