import { existsSync } from 'node:fs';
import type { AnyAuthMethod, ParsedKey } from 'ssh2';
import { agentKeys, PartOfAgent } from './agent.js';
import type { Deadline } from './deadline.js';
import { usualKeys, type Identity } from './identity.js';
import { EncryptedKey, loadPrivateKey, publicHalf } from './private-key.js';
import type { Questions } from './questions.js';
import type { SshSettings } from './settings.js';
import { silentAgent } from './ssh2.errors.js';

/** A way to log in, and its name for an error message. */
export interface AuthAttempt {
  readonly name: string;
  readonly method: AnyAuthMethod;
}

/** What bounds the search for keys, and who may open them. */
export interface KeyParts {
  readonly deadline: Deadline;
  readonly questions: Questions | undefined;
}

/** A key that is to be tried, as far as its file tells. */
interface Candidate {
  readonly file: string;
  /** The key, or why the file alone does not do. */
  readonly found: ParsedKey | Error;
  /** What tells it in an agent, where that is known. */
  readonly publicKey: Buffer | undefined;
}

/**
 * The keys to log in with, in ssh's order: the configured ones that the agent holds, others of the
 * agent unless only configured ones count, then configured ones that are in files alone. So a server
 * that lets one try few keys (MaxAuthTries) is shown the likely ones first.
 * @throws {CaravanError} input where a named key cannot be used, or no key and there is no password;
 * timeout or cancelled where the agent says nothing
 */
export async function keyAttempts(settings: SshSettings, parts: KeyParts): Promise<AuthAttempt[]> {
  const { identity } = settings;
  const files = identity.usual ? usualKeys().filter(isThere) : identity.files;
  const candidates = files.map((file) => candidateOf(file, identity));
  const answer = await askAgent(settings, candidates, parts.deadline);
  const held = answer instanceof Error ? [] : answer;
  const keys = new KeyAttempts(settings, candidates, held, parts);
  const attempts = await keys.all();
  // It is named where all else is refused.
  if (answer instanceof Error) attempts.push(keys.ofAgent('SSH agent', answer));
  return attempts;
}

function isThere(file: string): boolean {
  return existsSync(file) || existsSync(`${file}.pub`);
}

function candidateOf(file: string, { passphrase, sha1 }: Identity): Candidate {
  try {
    const found = loadPrivateKey(file, { sha1, ...(passphrase ? { passphrase } : {}) });
    return { file, found, publicKey: found.getPublicSSH() };
  } catch (error) {
    return { file, found: error as Error, publicKey: publicHalf(file) };
  }
}

/** What the agent holds; it is left alone where only files count and do without it. */
async function askAgent(
  settings: SshSettings,
  candidates: readonly Candidate[],
  deadline: Deadline,
): Promise<readonly ParsedKey[] | Error> {
  const { agent, only } = settings.identity;
  const isNeeded = !only || candidates.some(({ found }) => found instanceof Error);
  if (agent === undefined || !isNeeded) return [];
  const answer = await agentKeys(agent, deadline);
  if (deadline.passed !== undefined) throw silentAgent(settings, deadline);
  return answer;
}

class KeyAttempts {
  readonly #others: readonly ParsedKey[];

  constructor(
    private readonly settings: SshSettings,
    private readonly candidates: readonly Candidate[],
    private readonly held: readonly ParsedKey[],
    private readonly parts: KeyParts,
  ) {
    this.#others = held.filter((key) => !candidates.some((one) => isKeyOf(one, key)));
  }

  async all(): Promise<AuthAttempt[]> {
    const { candidates, settings } = this;
    const alone = candidates.filter((one) => !this.#inAgent(one));
    const attempts = candidates.flatMap((one) => this.#inAgent(one) ?? []);
    if (this.#others.length > 0 && !settings.identity.only)
      attempts.push(this.ofAgent('SSH agent', this.#others));
    return settings.identity.usual
      ? this.#usual(attempts, alone)
      : this.#configured(attempts, alone);
  }

  ofAgent(name: string, keys: readonly ParsedKey[] | Error): AuthAttempt {
    const { user: username, identity } = this.settings;
    const agent = new PartOfAgent(identity.agent ?? '', this.parts.deadline, keys);
    return { name, method: { type: 'agent', username, agent } };
  }

  /** A key that the agent holds; from its file where that can be used, which saves a round trip. */
  #inAgent(one: Candidate): AuthAttempt | undefined {
    const key = this.held.find((each) => isKeyOf(one, each));
    if (!key) return undefined;
    return one.found instanceof Error
      ? this.ofAgent(`key ${one.file} in the SSH agent`, [key])
      : this.#ofFile(one.file, one.found);
  }

  /** One that is encrypted is asked for where there is no other way. */
  async #usual(attempts: AuthAttempt[], alone: readonly Candidate[]): Promise<AuthAttempt[]> {
    // As ssh: a default key that cannot be used is passed over.
    const all = [
      ...attempts,
      ...alone.flatMap(({ file, found }) =>
        found instanceof Error ? [] : [this.#ofFile(file, found)],
      ),
    ];
    const encrypted = alone.find(({ found }) => found instanceof EncryptedKey);
    const { settings, parts } = this;
    const { questions } = parts;
    if (!encrypted || all.length > 0 || settings.identity.password || !questions) return all;
    return [await this.#opened(encrypted.file, questions)];
  }

  async #configured(attempts: AuthAttempt[], alone: readonly Candidate[]): Promise<AuthAttempt[]> {
    const { identity, target } = this.settings;
    let unusable: Error | undefined;
    for (const one of alone) {
      try {
        attempts.push(await this.#alone(one));
      } catch (error) {
        // As ssh: a key that only configuration lists is passed over where there is another way.
        if (target.privateKeyFile !== undefined) throw error;
        if (existsSync(one.file)) unusable ??= error as Error;
      }
    }
    if (unusable && attempts.length === 0 && !identity.password) throw unusable;
    return attempts;
  }

  /** A key that the agent is not known to hold; a person may open it. */
  async #alone({ file, found, publicKey }: Candidate): Promise<AuthAttempt> {
    if (!(found instanceof Error)) return this.#ofFile(file, found);
    const { questions } = this.parts;
    if (found instanceof EncryptedKey && questions) return this.#opened(file, questions);
    // The agent may hold it without our knowing.
    if (publicKey === undefined && this.settings.identity.only && this.#others.length > 0)
      return this.ofAgent('SSH agent', this.#others);
    throw found;
  }

  async #opened(file: string, questions: Questions): Promise<AuthAttempt> {
    const passphrase = await this.parts.deadline.hold(() =>
      questions.secret(`Passphrase of the key ${file}: `),
    );
    const { sha1 } = this.settings.identity;
    return this.#ofFile(file, loadPrivateKey(file, { sha1, passphrase }));
  }

  #ofFile(file: string, key: ParsedKey): AuthAttempt {
    const { user: username } = this.settings;
    return { name: `key ${file}`, method: { type: 'publickey', username, key } };
  }
}

function isKeyOf({ publicKey }: Candidate, key: ParsedKey): boolean {
  return publicKey?.equals(key.getPublicSSH()) === true;
}
