import { CaravanError } from '../../values/error.js';
import type { SshOption } from '../port.js';
import { whyRefused } from './values.js';

/** One line of an ssh_config file. */
export interface ConfigLine extends SshOption {
  /** `file:line`, or what else gave it. */
  readonly source: string;
}

/** Keywords whose value is the rest of the line, quotes and all. */
const RAW = new Set(['proxycommand', 'localcommand', 'remotecommand', 'knownhostscommand']);

/** Older names of keywords. */
const ALIASES: Readonly<Record<string, string>> = {
  pubkeyacceptedkeytypes: 'pubkeyacceptedalgorithms',
  hostbasedkeytypes: 'hostbasedacceptedalgorithms',
  hostbasedacceptedkeytypes: 'hostbasedacceptedalgorithms',
  challengeresponseauthentication: 'kbdinteractiveauthentication',
  skeyauthentication: 'kbdinteractiveauthentication',
  tisauthentication: 'kbdinteractiveauthentication',
  dsaauthentication: 'pubkeyauthentication',
  keepalive: 'tcpkeepalive',
};

/**
 * Reads the lines of an ssh_config file, as readconf.c of OpenSSH does. Of the libraries that
 * parse this format none keeps line numbers, quotes inside a list and repeated criteria of
 * `Match`, which an error and the meaning need.
 * @throws {CaravanError} input with file and line
 */
export function parseSshConfig(text: string, file: string): ConfigLine[] {
  return text.split('\n').flatMap((line, index) => {
    const source = `${file}:${index + 1}`;
    const option = parseOption(line.replace(/[\s\f]+$/, ''), source);
    if (!option) return [];
    checkValue(option, source); // as ssh, in sections too that do not apply
    return [{ ...option, source }];
  });
}

/** @throws {CaravanError} input that names `source`, for a value that ssh does not take */
export function checkValue(option: SshOption, source: string): void {
  const why = whyRefused(option);
  if (why !== undefined) throw malformed(source, why);
}

/**
 * One `Keyword value ...` or `Keyword=value`, as in a file or behind `-o`; undefined where the line
 * is empty or a comment.
 * @throws {CaravanError} input that names `source`
 */
export function parseOption(text: string, source: string): SshOption | undefined {
  const match = /^\s*("?)([^\s"=#]+)\1(?:\s*=\s*|\s+|$)(.*)$/s.exec(text);
  if (!match) {
    if (/^\s*(#|$)/.test(text)) return undefined;
    throw malformed(source, `"${text.trim()}" is no option of ssh`);
  }
  const written = match[2]?.toLowerCase() ?? '';
  const keyword = ALIASES[written] ?? written;
  const rest = match[3] ?? '';
  const values = RAW.has(keyword) ? [rest].filter((value) => value !== '') : splitValues(rest);
  if (!values) throw malformed(source, `a quote is not closed in "${text.trim()}"`);
  if (values.length === 0) throw malformed(source, `${match[2] ?? ''} has no value`);
  return { keyword, values };
}

function malformed(source: string, what: string): CaravanError {
  return new CaravanError('input', `${source}: ${what}`, {
    hint: 'ssh_config(5) describes the format; `ssh -G HOST` shows what ssh reads.',
  });
}

/** OpenSSH's argv_split: words, quotes of both kinds, a comment that begins a word. */
function splitValues(text: string): string[] | undefined {
  const values: string[] = [];
  const word =
    /[ \t]*(?:#.*$|((?:"(?:\\["'\\]|[^"])*"|'(?:\\["'\\]|[^'])*'|\\["'\\ ]|[^\s"'])+))/sy;
  const end = text.trimEnd().length;
  while (word.lastIndex < end) {
    const match = word.exec(text);
    if (!match) return undefined;
    if (match[1] === undefined) break;
    values.push(unquoted(match[1]));
  }
  return values;
}

function unquoted(word: string): string {
  return word.replace(
    /"((?:\\["'\\]|[^"])*)"|'((?:\\["'\\]|[^'])*)'|\\(["'\\ ])/gs,
    (_, double?: string, single?: string, escaped?: string) =>
      escaped ?? (double ?? single ?? '').replace(/\\(["'\\])/g, '$1'),
  );
}

/** An option as it is given behind `-o` of ssh. */
export function optionText({ keyword, values }: SshOption): string {
  const quoted = RAW.has(keyword)
    ? values
    : values.map((value) =>
        /^[^\s"'\\#]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`,
      );
  return `${keyword}=${quoted.join(' ')}`;
}
