import { homedir, hostname, userInfo } from 'node:os';
import { expandHome } from '../../values/home-path.js';
import { CaravanError } from '../../values/error.js';

/** What the tokens of ssh_config(5) stand for. */
export interface Tokens {
  /** `%h`: the name to connect to. */
  readonly h: string;
  /** `%n`: the name as it was asked for. */
  readonly n: string;
  readonly p?: string;
  /** `%r`: the user to log in as. */
  readonly r?: string;
  /** `%u`: the user who runs caravan. */
  readonly u?: string;
  /** `%k`: the name in known_hosts. */
  readonly k?: string;
}

/** Replaces `%h`, `%p` and their like. Throws a CaravanError of kind `input` for one unknown. */
export function expandTokens(text: string, tokens: Tokens, what: string): string {
  if (!text.includes('%')) return text;
  const [short = ''] = hostname().split('.');
  const known: Readonly<Record<string, string | undefined>> = {
    ...tokens,
    '%': '%',
    d: homedir(),
    l: hostname(),
    L: short,
    i: String(process.getuid?.() ?? ''),
  };
  return text.replace(/%(.?)/gs, (all, name: string) => {
    const value = known[name];
    if (value !== undefined) return value;
    throw new CaravanError('input', `${what} "${text}": ${all} is not known`, {
      hint: 'Known are %h %n %p %r %u %d %i %k %l %L and %%.',
    });
  });
}

/** A file that an option names: `~`, `${VARIABLE}` and tokens expanded, in ssh's order. */
export function expandFile(
  file: string,
  tokens: Tokens,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const path = expandHome(file);
  if (path.startsWith('~'))
    throw new CaravanError('input', `"${file}": there is no such user on this machine`);
  const withHome = path.replace(/\$\{(\w+)\}/g, (all, name: string) => {
    const value = environment[name];
    if (value !== undefined) return value;
    throw new CaravanError('input', `"${file}": the environment has no ${name} for ${all}`);
  });
  return expandTokens(withHome, tokens, 'the file');
}

let user: string | undefined;

/** Who runs caravan; looked up once, as it costs a read of the user database. */
export function localUser(): string {
  return (user ??= userInfo().username);
}
