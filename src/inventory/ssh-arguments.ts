import { USED } from './connection-catalogue.js';
import type { ConnectionVars } from './connection-vars.js';

/** What `ansible_ssh_args`, `ansible_ssh_common_args` and `ansible_ssh_extra_args` ask for. */
export interface SshArguments {
  readonly knownHostsFiles?: readonly string[];
  readonly hostKeyPolicy?: 'strict' | 'accept-new';
  readonly identityFile?: string;
  readonly connectTimeoutSeconds?: number;
}

/** Options of `ssh` that change nothing here: caravan keeps one connection a host anyway. */
const NO_DIFFERENCE =
  /^(controlmaster|controlpersist|controlpath|compression|serveralive\w+|tcpkeepalive|loglevel|identitiesonly|batchmode|gssapi\w+=no|forwardagent=no|forwardx11=no)/;

const INSECURE =
  'would let anybody on the way answer for the host. Collect the key once (ssh-keyscan, checked) ' +
  'or use StrictHostKeyChecking=accept-new';

/**
 * Reads the arguments for `ssh` that an inventory carries. Throws a CaravanError of kind `input`
 * for each that is not honoured, by its name.
 */
export function readSshArguments(vars: ConnectionVars): SshArguments {
  let found: SshArguments = {};
  for (const variable of [USED.sshArgs, USED.commonArgs, USED.extraArgs]) {
    const text = vars.text(variable);
    if (text === undefined) continue;
    const [name] = variable.names;
    const words = shellWords(text);
    if (!words) throw vars.refuse(name, 'a quote is not closed');
    // ssh takes the first value of an option, so what was found before wins
    for (const option of options(words)) found = { ...honour(vars, name, option), ...found };
  }
  return found;
}

/** Refuses `ansible_host_key_checking: false`, which Ansible turns into StrictHostKeyChecking=no. */
export function refuseHostKeyChecking(vars: ConnectionVars): void {
  if (vars.flag(USED.hostKeyChecking) === false)
    throw vars.refuseVariable(USED.hostKeyChecking, `false is refused: it ${INSECURE}`);
}

const JUMP = 'Run caravan on the jump host: connecting through another host is not supported yet.';
const REMOVE = 'Remove it where the host can be reached without.';

/** What to do instead of an option that is refused. */
const INSTEAD: Readonly<Record<string, string>> = {
  proxyjump: JUMP,
  proxycommand: JUMP,
  port: 'Use ansible_port.',
  '-p': 'Use ansible_port.',
  user: 'Use ansible_user.',
  '-l': 'Use ansible_user.',
  hostname: 'Use ansible_host.',
};

interface SshOption {
  /** As it stands on ssh's command line, for errors. */
  readonly shown: string;
  readonly key: string;
  readonly value: string;
}

function* options(words: readonly string[]): Generator<SshOption> {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const letter = word.slice(0, 2);
    if (/^-[oiJpl]/.test(word)) {
      const rest = word.length > 2 ? word.slice(2) : (words[++i] ?? '');
      yield letter === '-o' ? option(rest) : short(letter, rest);
    } else yield { shown: word, key: word === '-C' ? 'compression' : word, value: '' };
  }
}

function option(text: string): SshOption {
  const [, key = '', value = ''] = /^\s*(\w+)\s*[=\s]\s*(.*?)\s*$/s.exec(text) ?? ['', text, ''];
  return { shown: `-o ${text}`, key: key.toLowerCase(), value };
}

function short(letter: string, value: string): SshOption {
  const key = { '-i': 'identityfile', '-J': 'proxyjump' }[letter] ?? letter;
  return { shown: `${letter} ${value}`, key, value };
}

function honour(
  vars: ConnectionVars,
  name: string,
  { shown, key, value }: SshOption,
): SshArguments {
  if (key === 'userknownhostsfile') {
    if (/\/dev\/null/.test(value)) throw vars.refuse(name, `"${shown}" is refused: it ${INSECURE}`);
    return { knownHostsFiles: value.split(/\s+/) };
  }
  if (key === 'stricthostkeychecking') return { hostKeyPolicy: policy(vars, name, shown, value) };
  if (key === 'identityfile') return { identityFile: value };
  if (key === 'connecttimeout' && /^\d+$/.test(value))
    return { connectTimeoutSeconds: Number(value) };
  if (NO_DIFFERENCE.test(`${key}=${value}`)) return {};
  throw vars.refuse(name, `"${shown}" is not supported`, INSTEAD[key] ?? REMOVE);
}

function policy(
  vars: ConnectionVars,
  name: string,
  shown: string,
  value: string,
): 'strict' | 'accept-new' {
  if (/^(yes|ask)$/i.test(value)) return 'strict';
  if (/^accept-new$/i.test(value)) return 'accept-new';
  if (/^(no|off)$/i.test(value)) throw vars.refuse(name, `"${shown}" is refused: it ${INSECURE}`);
  throw vars.refuse(name, `"${shown}" is none of yes, accept-new and no`);
}

/** Splits text as a POSIX shell would, without expansions; undefined when a quote is left open. */
export function shellWords(text: string): string[] | undefined {
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/gy;
  let word: string | undefined;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) return undefined;
    const [all, single, double, escaped, plain] = match;
    if (/^\s/.test(all)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word =
      (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? '');
  }
  if (word !== undefined) words.push(word);
  return words;
}
