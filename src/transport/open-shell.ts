import { randomBytes } from 'node:crypto';
import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import { quoteWord } from '../values/shell.js';
import type { OpenChannel, ProcessChannel } from './channel.js';
import { ShellSession } from './shell-session.js';

/** Whose shell is wanted on which host. */
export interface ShellRequest {
  readonly host: string;
  /** Absent: the shell of the user who is logged in. */
  readonly become?: { readonly user: string; readonly password?: Secret };
}

/** Output kept for an error message when no shell comes up. */
const REFUSAL_SIZE = 4096;

/**
 * Starts a persistent `sh`. It announces itself with a nonce, so that banners and the output of a
 * login shell's start-up files are passed over, and so that sudo's password is written only after
 * sudo has asked for it with a prompt that nothing else can print.
 * @throws {CaravanError} auth where sudo refuses; connect where no shell answers
 */
export async function openShell(open: OpenChannel, request: ShellRequest): Promise<ShellSession> {
  const ready = randomBytes(16).toString('hex');
  const prompt = randomBytes(16).toString('hex');
  const channel = await open(commandLine(request, ready, prompt));
  try {
    const pid = await announced(channel, request, ready, prompt);
    return new ShellSession(channel, pid);
  } catch (error) {
    channel.destroy();
    throw error;
  }
}

/** Works in any login shell, csh and fish included: only `exec`, words and plain quotes. */
function commandLine({ become }: ShellRequest, ready: string, prompt: string): string {
  const start =
    'LC_ALL=C; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH; ' +
    `echo ${ready}$$.; exec /bin/sh`;
  const shell = `/bin/sh -c ${quoteWord(start)}`;
  if (!become) return `exec ${shell}`;
  const asking = become.password ? `-S -p ${prompt}` : '-n';
  return `exec sudo ${asking} -H -u ${quoteWord(become.user)} -- ${shell}`;
}

function announced(
  channel: ProcessChannel,
  request: ShellRequest,
  ready: string,
  prompt: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    let prompts = 0;
    const onStdout = (chunk: Buffer): void => {
      stdout += chunk.toString('latin1');
      const pid = new RegExp(`${ready}(\\d+)\\.\n`).exec(stdout)?.[1];
      if (pid === undefined) return;
      channel.stdout.off('data', onStdout);
      channel.stderr.off('data', onStderr);
      resolve(Number(pid));
    };
    const onStderr = (chunk: Buffer): void => {
      stderr += chunk.toString('utf8');
      const asked = stderr.split(prompt).length - 1;
      if (asked <= prompts) return;
      prompts = asked;
      if (prompts > 1) reject(wrongPassword(request));
      else channel.stdin.write(`${request.become?.password?.reveal() ?? ''}\n`);
    };
    channel.stdout.on('data', onStdout);
    channel.stderr.on('data', onStderr);
    channel.stdin.on('error', () => undefined); // the close that follows says the same
    channel.onClose(() => {
      const said = (stderr.replaceAll(prompt, '') + stdout).slice(0, REFUSAL_SIZE).trim();
      reject(prompts > 0 ? wrongPassword(request, said) : refused(request, said));
    });
  });
}

function wrongPassword({ host, become }: ShellRequest, said = ''): CaravanError {
  return new CaravanError(
    'auth',
    `sudo on ${host} did not accept the password to become ${become?.user ?? 'root'}` +
      (said === '' ? '' : `: ${said}`),
    {
      host,
      hint: 'Give the right password with --ask-become-pass (-K) or ansible_become_password.',
    },
  );
}

function refused({ host, become }: ShellRequest, said: string): CaravanError {
  const found = said === '' ? 'it ended without a word' : said;
  if (!become) {
    return new CaravanError('connect', `no POSIX shell could be started on ${host}: ${found}`, {
      host,
      hint: 'The login needs a shell that can `exec /bin/sh`; nologin or a forced command cannot.',
    });
  }
  const hint = /password is required|a password/.test(said)
    ? 'sudo asks for a password: give one with --ask-become-pass (-K) or ansible_become_password, or allow NOPASSWD in sudoers.'
    : `Allow the login user to become ${become.user} with sudo, or log in as ${become.user}.`;
  return new CaravanError('auth', `sudo on ${host} refused to become ${become.user}: ${found}`, {
    host,
    hint,
  });
}
