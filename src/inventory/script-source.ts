import { spawn } from 'node:child_process';
import { CaravanError } from '../values/error.js';
import type { InventoryData, Place, SourceFile } from './data.js';
import { isMapping, kindOf } from './mapping.js';
import { parseAnsibleJson } from './marked-text.js';
import { openSealed, type Vault } from './vault.js';

/** The most that a script may print. */
const MAX_BYTES = 512 * 1024 * 1024;
/** Scripts of the old kind are asked for this many hosts at once. */
const AT_ONCE = 8;

/** Where a script is, and how long it may take. */
export interface ScriptOptions extends SourceFile {
  readonly timeoutMs: number;
  readonly vault: Vault;
}

/**
 * Runs an inventory script with `--list` and, where that has no `_meta`, with `--host` for each
 * host, and reads what it prints into `data`. Throws a CaravanError: `timeout` past the deadline,
 * `input` for an exit code other than 0 and for anything but the JSON that Ansible expects.
 */
export async function readScript(data: InventoryData, script: ScriptOptions): Promise<void> {
  const root = parse(await run(script, ['--list']), script, '--list');
  const { hosts, vars } = readListJson(data, root, script);
  if (vars !== undefined) return;
  for (let i = 0; i < hosts.length; i += AT_ONCE) {
    await Promise.all(
      hosts.slice(i, i + AT_ONCE).map(async (name) => {
        const text = await run(script, ['--host', name]);
        const own = text.trim() === '' ? {} : parse(text, script, `--host ${name}`);
        if (!isMapping(own))
          throw wrong(script.file, `--host ${name} gave ${kindOf(own)}, not a mapping`);
        Object.assign(data.addHost(name, script).vars, own);
      }),
    );
  }
}

/**
 * Reads the JSON of `--list` (a script's or that of `ansible-inventory --list`) into `data`.
 * `vars` is undefined where there is no `_meta.hostvars`.
 */
export function readListJson(
  data: InventoryData,
  root: unknown,
  source: SourceFile,
): { hosts: string[]; vars: Readonly<Record<string, unknown>> | undefined } {
  if (!isMapping(root))
    throw wrong(source.file, `its list is ${kindOf(root)}, not a mapping of groups`);
  const hosts = new Set<string>();
  for (const [name, body] of Object.entries(root)) {
    if (name !== '_meta') readGroup(data, name, body, source, hosts);
  }
  const meta = root['_meta'];
  if (meta === undefined) return { hosts: [...hosts], vars: undefined };
  const vars = isMapping(meta) ? meta['hostvars'] : undefined;
  if (!isMapping(vars))
    throw wrong(source.file, `its _meta.hostvars is ${kindOf(vars)}, not a mapping`);
  for (const name of hosts) {
    const own = vars[name] ?? {};
    if (!isMapping(own))
      throw wrong(source.file, `variables of "${name}" are ${kindOf(own)}, not a mapping`);
    Object.assign(data.addHost(name, source).vars, own);
  }
  return { hosts: [...hosts], vars };
}

function readGroup(
  data: InventoryData,
  name: string,
  raw: unknown,
  source: SourceFile,
  hosts: Set<string>,
): void {
  const place: Place = () => source.file;
  if (name === '') throw wrong(source.file, 'a group has an empty name');
  const group = data.addGroup(name);
  const body = normalGroup(name, raw);
  for (const host of strings(body['hosts'] ?? [], `hosts of "${name}"`, source)) {
    if (host === '') throw wrong(source.file, `a host of "${name}" has an empty name`);
    hosts.add(host);
    data.addMember(group, data.addHost(host, source));
  }
  const vars = body['vars'] ?? {};
  if (!isMapping(vars))
    throw wrong(source.file, `vars of "${name}" are ${kindOf(vars)}, not a mapping`);
  for (const [key, value] of Object.entries(vars)) data.setGroupVar(group, key, value, place);
  for (const child of strings(body['children'] ?? [], `children of "${name}"`, source)) {
    data.addChild(group, data.addGroup(child), place);
  }
}

/** Old scripts give a bare list of hosts, or the variables of a host that is its own group. */
function normalGroup(name: string, raw: unknown): Readonly<Record<string, unknown>> {
  if (!isMapping(raw)) return { hosts: raw };
  return ['hosts', 'vars', 'children'].some((key) => key in raw)
    ? raw
    : { hosts: [name], vars: raw };
}

function strings(value: unknown, what: string, source: SourceFile): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw wrong(source.file, `${what} are ${kindOf(value)}, not a list of names`);
}

function parse(text: string, { file, vault }: ScriptOptions, option: string): unknown {
  try {
    return openSealed(parseAnsibleJson(text), vault, file);
  } catch (cause) {
    if (cause instanceof CaravanError) throw cause;
    const shown = text.trim() === '' ? 'nothing' : `${text.length} letters that are no JSON`;
    const reason = cause instanceof Error ? cause.message : '';
    throw wrong(file, `${option} printed ${shown}${reason === '' ? '' : `: ${reason}`}`);
  }
}

function run(script: ScriptOptions, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(script.file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const out: Buffer[] = [];
    let bytes = 0;
    let complaint = '';
    const end = (error: CaravanError) => {
      if (child.pid !== undefined) killGroup(child.pid);
      reject(error);
    };
    const timer = setTimeout(() => {
      const seconds = script.timeoutMs / 1000;
      end(
        new CaravanError(
          'timeout',
          `inventory script ${script.file} ${args.join(' ')} did not end in ${seconds} s`,
          {
            source: script.file,
          },
        ),
      );
    }, script.timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) end(wrong(script.file, `it printed more than ${MAX_BYTES} bytes`));
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('utf8')).slice(-2000);
    });
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(wrong(script.file, `it cannot be run: ${cause.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const said = complaint.trim() === '' ? '' : `: ${complaint.trim()}`;
      if (code === 0) decode(Buffer.concat(out), script.file).then(resolve, reject);
      else
        reject(wrong(script.file, `${args.join(' ')} ended with ${code ?? signal ?? ''}${said}`));
    });
  });
}

/** The script and what it started, which share the group that `detached` made. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

async function decode(bytes: Buffer, file: string): Promise<string> {
  await Promise.resolve();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw wrong(file, 'it printed something else than UTF-8 text');
  }
}

function wrong(file: string, reason: string): CaravanError {
  return new CaravanError('input', `inventory ${file}: ${reason}`, { source: file });
}
