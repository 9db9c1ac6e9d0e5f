import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AUTHORITY_NAMES, type AuthorityName } from '../pki/catalogue.js';
import { matchesKey, parseCertificates, type Certificate } from '../pki/certificate.js';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';

/** A certificate authority as the controller keeps it. Without `key` nothing can be signed by it. */
export interface StoredAuthority {
  readonly certificate: Certificate;
  /** The file as it was found or made, so that going back gives the same bytes. */
  readonly pem: string;
  readonly key?: Secret;
}

/** The two authorities of a rotation; `new` is absent until one is prepared. */
export interface AuthorityPair {
  readonly old: StoredAuthority;
  readonly new?: StoredAuthority;
}

/** The pairs that are known, by authority. */
export type Authorities = Readonly<Partial<Record<AuthorityName, AuthorityPair>>>;

/** Which of a pair there are. */
export const GENERATIONS = ['old', 'new'] as const;

/** Which of a pair. */
export type Generation = (typeof GENERATIONS)[number];

/** Stands in the folder while another rotation is begun. */
const BEGINNING = 'beginning';

/** Leaves as they were seen or issued, by host and item: what going back and resuming put in place again. */
type LeafBook = Record<string, Partial<Record<Generation, string>>>;

/**
 * The folder on the controller that holds what must not be lost: the CA keys (0600) and the
 * leaves of both CAs (public). Every write is a rename, so a killed run leaves no half file.
 *
 *     authorities/cluster/{old,new}.{crt,key}     authorities/front-proxy/...
 *     leaves/<host>.json                          backups/<host>.tar.age
 */
export class AuthorityStore {
  /** What a dry run takes for made, by name and generation: kept in memory alone. */
  readonly #assumed = new Map<string, StoredAuthority>();

  constructor(readonly folder: string) {}

  /** Reads all pairs. @throws CaravanError input where a file cannot be used, or a key is another's. */
  async load(): Promise<Authorities> {
    if ((await this.#read(BEGINNING)) !== undefined) await this.#endBeginning();
    const pairs = await Promise.all(
      AUTHORITY_NAMES.map(async (name) => {
        const old = await this.#authority(name, 'old');
        const next = await this.#authority(name, 'new');
        return [name, old && { old, ...(next && { new: next }) }] as const;
      }),
    );
    return Object.fromEntries(pairs.filter(([, pair]) => pair !== undefined));
  }

  /** Keeps an authority. The key goes first, so that a certificate never stands without its key. */
  async save(
    name: AuthorityName,
    generation: Generation,
    authority: { pem: string; key?: Secret },
  ): Promise<void> {
    const base = join('authorities', name, generation);
    if (authority.key) await this.#write(`${base}.key`, authority.key.reveal());
    await this.#write(`${base}.crt`, authority.pem);
  }

  /** Takes an authority for kept, for a dry run. */
  assume(
    name: AuthorityName,
    generation: Generation,
    { pem, key }: { pem: string; key?: Secret },
  ): void {
    const [certificate] = parseCertificates(pem);
    if (certificate)
      this.#assumed.set(`${name}/${generation}`, { certificate, pem, ...(key && { key }) });
  }

  /**
   * Begins another rotation: today's new authorities become the old ones, and the old ones, with
   * all leaves and backups of the last rotation, are forgotten. Only legal at state `new`; the
   * caller checks, and holds the lock. Where it was killed, the next load() ends it.
   */
  async begin(): Promise<void> {
    await this.#write(BEGINNING, '');
    await this.#endBeginning();
  }

  /** Each move can be done twice: of the key first, which then fits the certificate that follows. */
  async #endBeginning(): Promise<void> {
    for (const name of AUTHORITY_NAMES) {
      const at = (file: string): string => join('authorities', name, file);
      const pem = await this.#read(at('new.crt'));
      if (pem === undefined) continue;
      await this.#move(at('new.key'), at('old.key'));
      const key = await this.#read(at('old.key'));
      // A new authority without its key leaves that of the one before.
      if (key !== undefined && !isPair(pem, key)) await rm(join(this.folder, at('old.key')));
      await this.#move(at('new.crt'), at('old.crt'));
    }
    await rm(join(this.folder, 'leaves'), { recursive: true, force: true });
    await rm(join(this.folder, 'backups'), { recursive: true, force: true });
    await rm(join(this.folder, BEGINNING), { force: true });
  }

  /** The leaf of an item on a host that was signed by one generation, as it was last seen or issued. */
  async leaf(host: string, item: string, generation: Generation): Promise<string | undefined> {
    return (await this.#leaves(host))[item]?.[generation];
  }

  /** Remembers leaves of one host: `item`, `generation` and PEM text each. */
  async saveLeaves(
    host: string,
    leaves: readonly { item: string; generation: Generation; pem: string }[],
  ): Promise<void> {
    const book = await this.#leaves(host);
    for (const { item, generation, pem } of leaves) {
      book[item] = { ...book[item], [generation]: pem };
    }
    await this.#write(leafFile(host), `${JSON.stringify(book, null, 2)}\n`);
  }

  /** Keeps a file of any kind in the folder, whole, with mode 0600. */
  async keep(path: string, content: Buffer): Promise<void> {
    await this.#write(path, content);
  }

  /** A file of the folder, or undefined where it is not there. */
  async kept(path: string): Promise<string | undefined> {
    return this.#read(path);
  }

  async #authority(
    name: AuthorityName,
    generation: Generation,
  ): Promise<StoredAuthority | undefined> {
    const base = join('authorities', name, generation);
    const pem = await this.#read(`${base}.crt`);
    if (pem === undefined) return this.#assumed.get(`${name}/${generation}`);
    const [certificate, second] = parseCertificates(pem);
    if (!certificate || second) {
      throw new CaravanError(
        'input',
        `Read ${join(this.folder, base)}.crt: it needs to hold exactly one certificate.`,
        { hint: 'Put the certificate of the authority there, and nothing else.' },
      );
    }
    const key = await this.#read(`${base}.key`);
    if (key !== undefined && !isPair(pem, key)) {
      throw new CaravanError(
        'input',
        `Read ${join(this.folder, base)}.key: it is not the key of the certificate beside it.`,
        { hint: 'Put the key of that authority there, or take the file away.' },
      );
    }
    return { certificate, pem, ...(key !== undefined && { key: new Secret(key) }) };
  }

  async #leaves(host: string): Promise<LeafBook> {
    const text = await this.#read(leafFile(host));
    return text === undefined ? {} : (JSON.parse(text) as LeafBook);
  }

  async #read(path: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.folder, path), 'utf8');
    } catch (error) {
      ignoreAbsent(error);
      return undefined;
    }
  }

  async #move(from: string, to: string): Promise<void> {
    await rename(join(this.folder, from), join(this.folder, to)).catch(ignoreAbsent);
  }

  async #write(path: string, content: string | Buffer): Promise<void> {
    const target = join(this.folder, path);
    await mkdir(join(target, '..'), { recursive: true, mode: 0o700 });
    await chmod(this.folder, 0o700);
    const temporary = `${target}.${randomBytes(6).toString('hex')}`;
    await writeFile(temporary, content, { mode: 0o600, flush: true });
    await rename(temporary, target);
  }
}

/** Whether a text is the private key of a certificate; one that cannot be read is not. */
export function isPair(certificatePem: string, keyPem: string): boolean {
  const [certificate] = parseCertificates(certificatePem);
  try {
    return certificate !== undefined && matchesKey(certificate, new Secret(keyPem));
  } catch {
    return false;
  }
}

function leafFile(host: string): string {
  return join('leaves', `${encodeURIComponent(host)}.json`);
}

function ignoreAbsent(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
