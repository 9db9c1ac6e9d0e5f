import { CaravanError } from '../values/error.js';
import type { SshOption } from '../transport/port.js';
import { parseOption } from '../transport/ssh-config/lines.js';
import { isKnownOption, WITHOUT_EFFECT } from '../transport/ssh-config/options.js';
import { inOwnWords, whyRefused } from '../transport/ssh-config/values.js';
import { USED } from './connection-catalogue.js';
import type { ConnectionVars } from './connection-vars.js';

/** What `ansible_ssh_args`, `ansible_ssh_common_args` and `ansible_ssh_extra_args` ask for. */
export interface SshArguments {
  /** The strongest first: ssh takes the first value of an option. */
  readonly options: readonly SshOption[];
  /** `-F`. */
  readonly configFile?: string;
}

const INSECURE =
  'would let anybody on the way answer for the host. Collect the key once and check it (caravan ' +
  'hosts scan), or use StrictHostKeyChecking=accept-new';

/**
 * Reads the arguments for `ssh` that an inventory carries. Throws a CaravanError of kind `input`
 * for each that is not honoured, by its name.
 */
export function readSshArguments(vars: ConnectionVars): SshArguments {
  const found: SshOption[] = [];
  let configFile: string | undefined;
  for (const variable of [USED.sshArgs, USED.commonArgs, USED.extraArgs]) {
    const text = vars.text(variable);
    if (text === undefined) continue;
    const [name] = variable.names;
    const words = shellWords(text);
    if (!words) throw vars.refuse(name, 'a quote is not closed');
    for (const argument of argumentsOf(words)) {
      if (argument.letter === '-F') configFile ??= argument.value;
      else found.push(...honour(vars, name, argument));
    }
  }
  return { options: found, ...(configFile === undefined ? {} : { configFile }) };
}

/** Refuses `ansible_host_key_checking: false`, which Ansible turns into StrictHostKeyChecking=no. */
export function refuseHostKeyChecking(vars: ConnectionVars): void {
  if (vars.flag(USED.hostKeyChecking) === false)
    throw vars.refuseVariable(USED.hostKeyChecking, `false is refused: it ${INSECURE}`);
}

const REMOVE = 'Remove it where the host can be reached without.';
const NO_FORWARDS = 'Forwarding is not done; a task can open the way that it needs.';

/** What to do instead of an option that is refused. */
const INSTEAD: Readonly<Record<string, string>> = {
  '-A': 'The agent is not forwarded to hosts; a task can use a key that is there.',
  '-L': NO_FORWARDS,
  '-R': NO_FORWARDS,
  '-D': NO_FORWARDS,
  '-f': REMOVE,
};

interface SshArgument {
  readonly letter: string;
  readonly value: string;
}

/** Letters that take a value. */
const WITH_VALUE = /^-[BbcDEeFIiJLlmOoPpQRSWw]/;

function* argumentsOf(words: readonly string[]): Generator<SshArgument> {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const letter = word.slice(0, 2);
    if (WITH_VALUE.test(word)) {
      yield { letter, value: word.length > 2 ? word.slice(2) : (words[++i] ?? '') };
    } else if (/^-[A-Za-z0-9]+$/.test(word)) {
      for (const one of word.slice(1)) yield { letter: `-${one}`, value: '' };
    } else {
      yield { letter: word, value: '' };
    }
  }
}

/** The option of ssh_config(5) that a letter stands for; undefined changes nothing here. */
const LETTERS: Readonly<Record<string, string | undefined>> = {
  '-4': 'addressfamily=inet',
  '-6': 'addressfamily=inet6',
  '-B': 'bindinterface',
  '-I': 'pkcs11provider',
  '-J': 'proxyjump',
  '-S': undefined,
  '-b': 'bindaddress',
  '-c': 'ciphers',
  '-i': 'identityfile',
  '-l': 'user',
  '-m': 'macs',
  '-p': 'port',
  ...Object.fromEntries(['-C', '-T', '-a', '-k', '-q', '-v', '-x'].map((one) => [one, undefined])),
};

function honour(vars: ConnectionVars, name: string, argument: SshArgument): SshOption[] {
  const { letter, value } = argument;
  const shown = `${letter} ${value}`.trim();
  if (letter === '-o') return checked(vars, name, shown, parsed(vars, name, shown, value));
  if (!(letter in LETTERS))
    throw vars.refuse(name, `"${shown}" is not supported`, INSTEAD[letter] ?? REMOVE);
  const [keyword, fixed] = LETTERS[letter]?.split('=') ?? [];
  if (keyword === undefined) return [];
  return checked(vars, name, shown, { keyword, values: [fixed ?? value] });
}

function parsed(vars: ConnectionVars, name: string, shown: string, text: string): SshOption {
  try {
    const option = parseOption(text, shown);
    if (option) return option;
  } catch (thrown) {
    if (!(thrown instanceof CaravanError)) throw thrown;
    throw vars.refuse(name, thrown.message);
  }
  throw vars.refuse(name, `"${shown}" is no option of ssh`);
}

/** Of options that change nothing, those that would be missed. */
const MISSED =
  /^(forwardagent|forwardx11|localforward|remoteforward|dynamicforward|tunnel|remotecommand|localcommand|sendenv|setenv)$/;

function checked(vars: ConnectionVars, name: string, shown: string, given: SshOption): SshOption[] {
  const option = inOwnWords(given);
  const { keyword, values } = option;
  const [first = ''] = values;
  const word = first.toLowerCase();
  if (!isKnownOption(keyword))
    throw vars.refuse(name, `"${shown}" is not supported: ssh has no such option`, REMOVE);
  if (keyword === 'userknownhostsfile' && /\/dev\/null|^none$/.test(first))
    throw vars.refuse(name, `"${shown}" is refused: it ${INSECURE}`);
  if (keyword === 'stricthostkeychecking' && ['no', 'off'].includes(word))
    throw vars.refuse(name, `"${shown}" is refused: it ${INSECURE}`);
  if (MISSED.test(keyword) && !['no', 'none', 'false'].includes(word))
    throw vars.refuse(name, `"${shown}" is not supported`, REMOVE);
  const why = whyRefused(option);
  if (why !== undefined) throw vars.refuse(name, `"${shown}": ${why}`);
  return WITHOUT_EFFECT.has(keyword) ? [] : [option];
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
