import { CaravanError } from '../values/error.js';
import type { Random } from './backoff.js';
import type { Wire } from './host-connection.js';
import type { Jump } from './jump.js';
import { loginOpenSsh, type OpenSshWire } from './openssh.js';
import type { ConnectionTarget } from './port.js';
import type { Questions } from './questions.js';
import { settingsOf, type Environment, type SshSettings } from './settings.js';
import { SharedWires, type Lease } from './shared-wires.js';
import { isUnequipped } from './ssh2.errors.js';
import { loginSsh2, type LoginParts } from './ssh2.login.js';
import { ssh2Wire } from './ssh2.wire.js';
import type { LoginTurns } from './turns.js';

/** Jump hosts whose own configuration names further ones. */
const MAX_JUMPS = 16;

/** What ways are made of. */
export interface WayParts {
  readonly environment: Environment;
  readonly random: Random;
  readonly turns: LoginTurns;
  readonly questions?: Questions;
}

/** How one way is opened. */
export interface WayOptions {
  readonly signal?: AbortSignal;
  /** Jump hosts that this way is part of. */
  readonly depth?: number;
}

/** Opens wires to hosts, by ssh2 or OpenSSH, over jump hosts that all who need them share. */
export class Ways {
  readonly #jumps = new SharedWires();
  /** Servers with which ssh2 has no algorithm in common. */
  readonly #unequipped = new Set<string>();

  constructor(private readonly parts: WayParts) {}

  /** @throws {CaravanError} connect, auth, host-key, timeout, cancelled, privilege or input */
  async open(settings: SshSettings, options: WayOptions = {}): Promise<Wire> {
    const { target, openSsh, host } = settings;
    const { transport = 'auto' } = target;
    if (transport === 'ssh2' && openSsh !== undefined)
      throw new CaravanError('input', `${host} cannot be reached by ssh2: ${openSsh}`, {
        host,
        hint: 'Leave --transport (caravan_transport) at auto, or use openssh.',
      });
    const server = serverOf(settings);
    if (transport === 'openssh' || openSsh !== undefined || this.#unequipped.has(server))
      return this.#openSsh(settings, options);
    try {
      return await this.#ssh2(settings, options);
    } catch (error) {
      if (transport === 'ssh2' || !isUnequipped(error)) throw error;
      return this.#openSshInstead(settings, options, error);
    }
  }

  /** A stream to the host's sshd over its jump hosts, for who does not log in; undefined without any. */
  async lease(settings: SshSettings, options: WayOptions): Promise<Lease<Wire> | undefined> {
    return this.#lease(settings, options, 'auto');
  }

  /** The server may have newer algorithms only, such as post-quantum ones. */
  async #openSshInstead(
    settings: SshSettings,
    options: WayOptions,
    unequipped: unknown,
  ): Promise<Wire> {
    try {
      const wire = await this.#openSsh(settings, options);
      this.#unequipped.add(serverOf(settings));
      return wire;
    } catch (error) {
      const { kind } = error as Partial<CaravanError>;
      // Then it has older ones only, or there is no ssh here.
      throw kind === 'connect' || kind === 'privilege' || kind === 'input' ? unequipped : error;
    }
  }

  async #ssh2(settings: SshSettings, options: WayOptions): Promise<Wire> {
    const { host, hostName, port } = settings;
    const via = await this.#lease(settings, options, 'auto');
    return held(via, async () => {
      const loggedIn = await this.parts.turns.run(serverOf(settings), () =>
        loginSsh2(settings, {
          ...this.#loginParts(options),
          ...(via ? { dial: () => onTheWayTo(host, () => via.wire.forward(hostName, port)) } : {}),
        }),
      );
      return ssh2Wire(loggedIn, host, this.parts.random);
    });
  }

  async #openSsh(settings: SshSettings, options: WayOptions): Promise<OpenSshWire> {
    const via = await this.#lease(settings, options, 'openssh');
    return held(via, () =>
      this.parts.turns.run(serverOf(settings), () =>
        loginOpenSsh(settings, {
          ...this.#loginParts(options),
          environment: this.parts.environment,
          ...(via ? { via: (via.wire as OpenSshWire).socket } : {}),
        }),
      ),
    );
  }

  #loginParts({ signal }: WayOptions): LoginParts {
    const { random, questions } = this.parts;
    return { random, ...(signal ? { signal } : {}), ...(questions ? { questions } : {}) };
  }

  async #lease(
    settings: SshSettings,
    { signal, depth = 0 }: WayOptions,
    transport: 'auto' | 'openssh',
  ): Promise<Lease<Wire> | undefined> {
    const { host, jumps, target } = settings;
    const last = jumps.at(-1);
    if (!last) return undefined;
    if (depth >= MAX_JUMPS)
      throw new CaravanError('input', `${host}: its jump hosts (ProxyJump) go in a circle`, {
        host,
        hint: 'Keep the jump host out of its own rule: Host * !bastion.',
      });
    const jump = jumpTarget(last, jumps.slice(0, -1), { target, transport });
    return onTheWayTo(host, () =>
      this.#jumps.lease(JSON.stringify(jump), signal, (shared) =>
        this.open(settingsOf(jump, this.parts.environment, host), {
          signal: shared,
          depth: depth + 1,
        }),
      ),
    );
  }
}

/** Does something on a jump host. @throws {CaravanError} that names the host behind it */
async function onTheWayTo<T>(host: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    if (!(thrown instanceof CaravanError)) throw thrown;
    const { kind, message, detail } = thrown;
    throw new CaravanError(kind, `${host}: on the way, ${message}`, { ...detail, host });
  }
}

/** Opens what is reached over a lease, which ends with it. */
async function held<W extends Wire>(
  lease: Lease<Wire> | undefined,
  open: () => Promise<W>,
): Promise<W> {
  try {
    const wire = await open();
    if (!lease) return wire;
    const close = async (): Promise<void> => {
      await wire.close();
      await lease.release();
    };
    return { ...wire, close };
  } catch (error) {
    await lease?.release();
    throw error;
  }
}

interface JumpOf {
  readonly target: ConnectionTarget;
  readonly transport: 'auto' | 'openssh';
}

/**
 * A jump host as ssh reaches it: by its own configuration. What the inventory says of the host
 * behind it does not count for it, but for the file of configuration (`-F`).
 */
function jumpTarget(
  { address, user, port }: Jump,
  before: readonly Jump[],
  { target, transport }: JumpOf,
): ConnectionTarget {
  const { sshConfigFile } = target;
  const proxy = before.map(jumpText).join(',');
  return {
    ...{ host: address, kind: 'ssh', address, transport },
    become: { enabled: false, user: 'root' },
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
    ...(sshConfigFile === undefined ? {} : { sshConfigFile }),
    ...(before.length > 0 ? { sshOptions: [{ keyword: 'proxyjump', values: [proxy] }] } : {}),
  };
}

function jumpText({ address, user, port }: Jump): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

/** What counts its logins: its address, as seen from behind the jump hosts. */
function serverOf({ hostName, port, jumps }: SshSettings): string {
  return [...jumps.map(jumpText), `${hostName}:${port}`].join(' ');
}
