import { randomUUID } from 'node:crypto';
import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import { quoteWord } from '../values/shell.js';
import type { OpenChannel, ProcessChannel } from './channel.js';
import { MarkerScanner } from './markers.js';
import { ShellSession, type BegunShell } from './shell-session.js';

/** Who is to be become, and by which program (default sudo). */
export interface BecomeTo {
  readonly user: string;
  readonly password?: Secret;
  readonly method?: 'sudo' | 'su';
}

/** Whose shell is wanted on which host. */
export interface ShellRequest {
  readonly host: string;
  /** Absent: the shell of the user who is logged in. */
  readonly become?: BecomeTo;
}

/** Output kept for an error message when no shell comes up. */
const REFUSAL_SIZE = 4096;
/** The most that is read, in characters, before a shell has said that it is there. */
const GREETING_LIMIT = 256 * 1024;
const TOO_LONG = `more than ${GREETING_LIMIT / 1024} KiB were printed before one was there`;

/** A {@link beginShell} that steps are given to. */
export async function openShell(
  open: OpenChannel,
  request: ShellRequest,
  signal?: AbortSignal,
): Promise<ShellSession> {
  return new ShellSession(await beginShell(open, request, signal));
}

/**
 * Begins a persistent `sh`. It announces itself with a nonce, so that banners and the output of a
 * login shell's start-up files are passed over. Commands may be written to it at once: it reads them
 * when it is there, which saves a round trip, and where none comes up nobody reads them. A password
 * is written only after sudo has asked for it with a prompt that nothing else can print, or su with
 * its own before anything else is run; then the shell is waited for.
 * @param signal lets go of the channel where the shell has not announced itself by then
 * @throws {CaravanError} auth where sudo or su refuses a password; connect where there is no channel
 */
export async function beginShell(
  open: OpenChannel,
  request: ShellRequest,
  signal?: AbortSignal,
): Promise<BegunShell> {
  const ready = randomUUID();
  const prompt = randomUUID();
  const start =
    'LC_ALL=C; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH; ' +
    `echo ${ready}:$$; echo ${ready}: >&2`;
  const isAsked = request.become?.password !== undefined || request.become?.method === 'su';
  const channel = await open(
    isAsked ? askingCommand(request, start, prompt) : plainCommand(request),
  );
  const begun = announcement(channel, request, ready, prompt);
  const letGo = (): void => {
    channel.destroy();
  };
  if (signal?.aborted === true) letGo();
  signal?.addEventListener('abort', letGo);
  begun.announced.catch(letGo).finally(() => signal?.removeEventListener('abort', letGo));
  if (isAsked) await begun.announced;
  else channel.stdin.write(`${start}\n`);
  return begun;
}

/** Works in any login shell, csh and fish included: only `exec`, words and plain quotes. */
function plainCommand({ become }: ShellRequest): string {
  return become ? `exec sudo -n -H -u ${quoteWord(become.user)} -- /bin/sh` : 'exec /bin/sh';
}

/** The same, where standard input may have to hold a password first. */
function askingCommand({ become }: ShellRequest, start: string, prompt: string): string {
  const shell = `/bin/sh -c ${quoteWord(`${start}; exec /bin/sh`)}`;
  const { user = 'root', method } = become ?? {};
  // Without a terminal su reads the password from standard input (PAM's misc_conv).
  if (method === 'su')
    return `exec env LC_ALL=C su -s /bin/sh ${quoteWord(user)} -c ${quoteWord(`exec ${shell}`)}`;
  return `exec sudo -S -p ${prompt} -H -u ${quoteWord(user)} -- ${shell}`;
}

function announcement(
  channel: ProcessChannel,
  request: ShellRequest,
  ready: string,
  prompt: string,
): BegunShell {
  const drop = (): void => undefined;
  const marks = { stdout: new MarkerScanner(ready, drop), stderr: new MarkerScanner(ready, drop) };
  const said = { stdout: '', stderr: '' };
  const isTooLong = (): boolean => said.stdout.length + said.stderr.length > GREETING_LIMIT;
  let take: Parameters<BegunShell['listen']>[0] | undefined;
  let prompts = 0;
  const announced = new Promise<number>((resolve, reject) => {
    const answer = (): void => {
      const asked = timesAsked(said.stderr, request, prompt);
      if (asked <= prompts) return;
      prompts = asked;
      const password = request.become?.password;
      if (prompts > 1) reject(wrongPassword(request));
      else if (!password) reject(refused(request, 'a password is required'));
      else channel.stdin.write(`${password.reveal()}\n`);
    };
    for (const stream of ['stdout', 'stderr'] as const)
      channel[stream].on('data', (chunk: Buffer) => {
        const isThere = marks[stream].end !== undefined;
        const behind = marks[stream].push(chunk);
        if (behind.length > 0) take?.(stream, behind);
        if (isThere || isTooLong()) return;
        said[stream] += chunk.toString('utf8');
        if (stream === 'stderr') answer();
        const { stdout, stderr } = marks;
        if (stdout.end !== undefined && stderr.end !== undefined) resolve(Number(stdout.end));
        else if (isTooLong()) reject(refused(request, TOO_LONG));
      });
    channel.stdin.on('error', () => undefined); // the close that follows says the same
    channel.onClose(() => {
      const words = (said.stderr.replaceAll(prompt, '').replace(SU_PROMPT, '') + said.stdout)
        .slice(0, REFUSAL_SIZE)
        .trim();
      reject(prompts > 0 ? wrongPassword(request, words) : refused(request, words));
    });
  });
  return { channel, announced, listen: (to) => (take = to) };
}

/** In the C locale; what a login shell's start-up files print may stand before it. */
const SU_PROMPT = /^Password: ?$/m;

function timesAsked(stderr: string, { become }: ShellRequest, prompt: string): number {
  if (become?.method !== 'su') return stderr.split(prompt).length - 1;
  return SU_PROMPT.test(stderr) ? 1 : 0;
}

function wrongPassword({ host, become }: ShellRequest, said = ''): CaravanError {
  return new CaravanError(
    'auth',
    `${become?.method ?? 'sudo'} on ${host} did not accept the password to become ${become?.user ?? 'root'}` +
      (said === '' ? '' : `: ${said}`),
    {
      host,
      hint: 'Give the right password with --ask-become-pass (-K) or ansible_become_password.',
    },
  );
}

function refused({ host, become }: ShellRequest, said: string): CaravanError {
  const found = said === '' ? 'it ended without a word' : said;
  if (/open refused/.test(said)) return noSession(host, found);
  if (!become) {
    return new CaravanError('connect', `no POSIX shell could be started on ${host}: ${found}`, {
      host,
      hint: 'The login needs a shell that can `exec /bin/sh`; nologin or a forced command cannot.',
    });
  }
  const { method = 'sudo' } = become;
  const hint = /password is required|a password|Authentication failure/.test(said)
    ? `${method} asks for a password: give one with --ask-become-pass (-K) or ansible_become_password${method === 'su' ? '' : ', or allow NOPASSWD in sudoers'}.`
    : `Allow the login user to become ${become.user} with ${method}, or log in as ${become.user}.`;
  return new CaravanError(
    'auth',
    `${method} on ${host} refused to become ${become.user}: ${found}`,
    {
      host,
      hint,
    },
  );
}

/** The error for a host that opens no further session on a connection. */
export function noSession(host: string, found: string, cause?: Error): CaravanError {
  return new CaravanError('connect', `${host} opened no channel for a shell: ${found}`, {
    host,
    ...(cause ? { cause } : {}),
    hint: 'sshd allows too few sessions a connection: MaxSessions must be 3 or more (its default is 10).',
  });
}
