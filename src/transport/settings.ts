import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { type AlgorithmKind, type Chosen, chooseAlgorithms } from './algorithms.js';
import type { Identity } from './identity.js';
import { parseJumps, type Jump } from './jump.js';
import { knownHostsOf } from './known-hosts.file.js';
import { knownHostName } from './known-hosts.js';
import { whyOpenSsh } from './openssh.needed.js';
import type { ConnectionTarget, HostKeyPolicy } from './port.js';
import { GIVEN, readSshConfig, type SshConfig } from './ssh-config/read.js';
import { expandFile, expandTokens, localUser, type Tokens } from './ssh-config/tokens.js';
import { secondsOf } from './ssh-config/values.js';

/** Deadline from dialling to being logged in, where nothing names one. */
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** A timer of more milliseconds than 2^31 fires at once. ssh too ends a longer deadline there. */
const LONGEST_SECONDS = 2_147_483;
/** A dead peer is noticed when three are unanswered, after four of these. */
const DEFAULT_KEEPALIVE_SECONDS = 10;

/** The way to a host with all that configuration says of it. */
export interface SshSettings {
  /** The way as it was asked for. */
  readonly target: ConnectionTarget;
  /** Name in the inventory, or what ProxyJump calls a jump host. */
  readonly host: string;
  /** The host that is reached through this one, where this is a jump host. */
  readonly jumpFor?: string;
  /** Name or address that is dialled. */
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** 4 or 6 where only one kind of address is wanted. */
  readonly family?: 4 | 6;
  readonly bindAddress?: string;
  /** Hosts on the way, the first to be reached first. */
  readonly jumps: readonly Jump[];
  readonly identity: Identity;
  /** The name that known_hosts has. */
  readonly knownName: string;
  readonly knownHostsFiles: readonly string[];
  /** The user's first one, which new keys are added to; undefined where the user has none. */
  readonly addKnownHostsTo?: string;
  /** Whether they are added without the host's name in the clear. */
  readonly hashKnownHosts: boolean;
  readonly hostKeyPolicy: HostKeyPolicy;
  readonly connectTimeoutMs: number;
  readonly keepalive: { readonly intervalMs: number; readonly countMax: number };
  readonly algorithms: Readonly<Record<AlgorithmKind, readonly string[]>>;
  /** Why only the system's OpenSSH can reach the host. */
  readonly openSsh?: string;
}

/** What configuration is read from besides files. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * All that is needed to dial a host and to log in. What the target says goes first, then its
 * options of ssh, then the files of ssh_config(5).
 * @throws {CaravanError} input for configuration that cannot be read or used
 */
export function settingsOf(
  target: ConnectionTarget,
  environment: Environment,
  jumpFor?: string,
): SshSettings {
  const { host, address } = target;
  const explicit = [
    ...(target.user === undefined ? [] : [{ keyword: 'user', values: [target.user] }]),
    ...(target.port === undefined ? [] : [{ keyword: 'port', values: [String(target.port)] }]),
  ];
  const config = readSshConfig({
    destination: address,
    options: [...explicit, ...(target.sshOptions ?? [])],
    ...(target.sshConfigFile === undefined ? {} : { file: target.sshConfigFile }),
  });
  const one = (keyword: string): string | undefined => config.get(keyword)?.[0];
  const hostName = hostNameOf(one('hostname'), address);
  const aliveSeconds = numberOf(config, 'serveraliveinterval') ?? DEFAULT_KEEPALIVE_SECONDS;
  const port = numberOf(config, 'port') ?? 22;
  const user = one('user') ?? localUser();
  const alias = one('hostkeyalias');
  const tokens: Tokens = {
    ...{ h: hostName, n: address, p: String(port), r: user, u: localUser() },
    k: alias ?? address,
  };
  const files = (list: readonly string[]): string[] =>
    list.map((file) => expandFile(file, tokens, environment));
  const algorithms = {
    kex: chooseAlgorithms('kex', one('kexalgorithms')),
    serverHostKey: chooseAlgorithms('serverHostKey', one('hostkeyalgorithms')),
    cipher: chooseAlgorithms('cipher', one('ciphers')),
    hmac: chooseAlgorithms('hmac', one('macs')),
  };
  const identity = identityOf(target, { config, files, environment });
  const bindAddress = one('bindaddress');
  const family = { inet: 4 as const, inet6: 6 as const }[one('addressfamily') ?? ''];
  const knownHosts = knownHostsFilesOf(target, config, files);
  const { knownHostsFiles } = knownHosts;
  const knownName = alias?.toLowerCase() ?? knownHostName(hostName, port);
  const openSsh = whyOpenSsh({
    ...{ config, identity, transport: target.transport },
    known: knownHostsOf({ hostName, port, knownName, knownHostsFiles }),
    lacking: Object.values(algorithms).find(({ lacking }) => lacking)?.lacking,
  });
  return {
    ...{ target, host, hostName, port, user, identity, knownName, ...knownHosts },
    jumps: jumpsOf(config, tokens),
    hashKnownHosts: one('hashknownhosts') === 'yes',
    // A key that is kept nowhere would be new each time, and any would do.
    hostKeyPolicy:
      knownHosts.addKnownHostsTo === undefined
        ? 'strict'
        : (target.hostKeyPolicy ?? policyOf(config)),
    connectTimeoutMs: connectTimeoutOf(target, config),
    keepalive: {
      intervalMs: Math.min(aliveSeconds, LONGEST_SECONDS) * 1000,
      countMax: numberOf(config, 'serveralivecountmax') ?? 3,
    },
    algorithms: namesOf(algorithms),
    ...(jumpFor === undefined ? {} : { jumpFor }),
    ...(bindAddress === undefined ? {} : { bindAddress }),
    ...(family === undefined ? {} : { family }),
    ...(openSsh === undefined ? {} : { openSsh }),
  };
}

/** Only a name that is configured has tokens: the `%` of an address is the scope of IPv6. */
function hostNameOf(configured: string | undefined, address: string): string {
  const name =
    configured === undefined
      ? address
      : expandTokens(configured, { h: address, n: address }, 'HostName');
  return isIP(name) === 0 ? name.toLowerCase() : name; // a scope is a name with its case
}

function namesOf(chosen: Record<AlgorithmKind, Chosen>): SshSettings['algorithms'] {
  const { kex, serverHostKey, cipher, hmac } = chosen;
  return {
    kex: kex.names,
    serverHostKey: serverHostKey.names,
    cipher: cipher.names,
    hmac: hmac.names,
  };
}

/** Where files are only for ssh to judge, ssh finds the jump hosts of those files by itself. */
function jumpsOf(config: SshConfig, tokens: Tokens): Jump[] {
  if (config.undecided !== undefined && config.sourceOf('proxyjump') !== GIVEN) return [];
  const value = config.get('proxyjump')?.[0];
  return value === undefined ? [] : parseJumps(expandTokens(value, tokens, 'ProxyJump'));
}

/** Host names are dialled by someone who has set a deadline; 0 is none, which ssh takes as its own. */
function connectTimeoutOf(target: ConnectionTarget, config: SshConfig): number {
  const seconds = numberOf(config, 'connecttimeout');
  const configured = seconds === undefined || seconds === 0 ? undefined : seconds * 1000;
  const wanted = target.connectTimeoutMs ?? configured ?? DEFAULT_CONNECT_TIMEOUT_MS;
  return Math.min(wanted, LONGEST_SECONDS * 1000);
}

/** `no` of a file is `strict`: that nobody looks at keys is never taken over from there. */
function policyOf(config: SshConfig): HostKeyPolicy {
  const value = config.get('stricthostkeychecking')?.[0];
  if (value === 'accept-new') return value;
  const batch = config.get('batchmode')?.[0] === 'yes';
  return value === 'ask' && !batch ? 'ask' : 'strict';
}

interface IdentityParts {
  readonly config: SshConfig;
  readonly files: (list: readonly string[]) => string[];
  readonly environment: Environment;
}

function identityOf(
  { privateKeyFile, privateKeyPassphrase, password }: ConnectionTarget,
  { config, files, environment }: IdentityParts,
): Identity {
  const yes = (keyword: string): boolean => config.get(keyword)?.[0] === 'yes';
  const configured = config.all('identityfile').flatMap(({ values }) => values);
  const named = privateKeyFile === undefined ? configured : [privateKeyFile];
  const agent = agentOf(config, files, environment);
  const methods = methodsOf(config);
  const accepted = config.get('pubkeyacceptedalgorithms')?.[0] ?? '';
  return {
    files: files(named.filter((file) => file.toLowerCase() !== 'none')),
    usual: named.length === 0,
    only: privateKeyFile !== undefined || yes('identitiesonly'),
    sha1: /(^|[+^,])ssh-rsa(,|$)/.test(accepted) && !accepted.startsWith('-'),
    ...(agent === undefined ? {} : { agent }),
    ...(privateKeyPassphrase ? { passphrase: privateKeyPassphrase } : {}),
    ...(password ? { password } : {}),
    ...(methods ? { methods } : {}),
  };
}

function agentOf(
  config: SshConfig,
  files: IdentityParts['files'],
  environment: Environment,
): string | undefined {
  const value = config.get('identityagent')?.[0];
  if (value === undefined || value === 'SSH_AUTH_SOCK')
    return environment['SSH_AUTH_SOCK'] || undefined; // empty is none
  if (value === 'none') return undefined;
  return value.startsWith('$') && !value.startsWith('${')
    ? environment[value.slice(1)]
    : files([value])[0];
}

const METHODS = [
  ['pubkeyauthentication', 'publickey'],
  ['passwordauthentication', 'password'],
  ['kbdinteractiveauthentication', 'keyboard-interactive'],
] as const;

function methodsOf(config: SshConfig): string[] | undefined {
  const off = METHODS.filter(([keyword]) => config.get(keyword)?.[0] === 'no');
  const order = config.get('preferredauthentications')?.[0];
  if (order === undefined && off.length === 0) return undefined;
  const names = order === undefined ? METHODS.map(([, name]) => name) : order.split(',');
  return names.filter((name) => !off.some(([, method]) => method === name));
}

function knownHostsFilesOf(
  target: ConnectionTarget,
  config: SshConfig,
  files: IdentityParts['files'],
): Pick<SshSettings, 'knownHostsFiles' | 'addKnownHostsTo'> {
  if (target.knownHostsFiles) return knownHostsFrom(target.knownHostsFiles, []);
  const user = config.get('userknownhostsfile') ?? ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
  const global = config.get('globalknownhostsfile') ?? [
    '/etc/ssh/ssh_known_hosts',
    '/etc/ssh/ssh_known_hosts2',
  ];
  const [own, system] = [user, global].map((list) =>
    files(list.filter((file) => file.toLowerCase() !== 'none')),
  ) as [string[], string[]];
  const existing = [...own.slice(1), ...system].filter((file) => existsSync(file));
  return knownHostsFrom(own.slice(0, 1), existing);
}

function knownHostsFrom(
  own: readonly string[],
  others: readonly string[],
): Pick<SshSettings, 'knownHostsFiles' | 'addKnownHostsTo'> {
  const [first] = own;
  return {
    knownHostsFiles: [...own, ...others],
    ...(first === undefined ? {} : { addKnownHostsTo: first }),
  };
}

function numberOf(config: SshConfig, keyword: string): number | undefined {
  const value = config.get(keyword)?.[0];
  return value === undefined || value === 'none' ? undefined : secondsOf(value);
}
