import * as z from 'zod';
import type { Change, TaskModule } from '../../modules/module.js';
import { AUTHORITY_NAMES, type AuthorityName } from '../../pki/catalogue.js';
import { parseCertificates } from '../../pki/certificate.js';
import type { Connection } from '../../transport/port.js';
import { Secret } from '../../values/secret.js';
import { sh } from '../../values/shell.js';
import { GENERATIONS, isPair, type AuthorityStore, type Generation } from '../authorities.js';
import { readHostSurvey } from '../host-survey.js';
import { copyOf, signerFiles, type SignerFiles } from '../signer.js';

/** An authority as its copy on a control plane says it is. */
interface Copy {
  readonly name: AuthorityName;
  readonly generation: Generation;
  readonly pem: string;
  readonly key: Secret;
}

interface Seen {
  readonly isEmpty: boolean;
  /** All authorities of the rotation under way, or none. */
  readonly copies: readonly Copy[];
}

/**
 * Fills an empty state folder with both authorities of a rotation that is under way, from the copies
 * that `ca_signer` keeps on control planes. Nothing changes on a host.
 */
export function authoritiesRecover(
  store: AuthorityStore,
): TaskModule<Record<string, never>, Seen, Change & Copy> {
  return {
    name: 'authorities_recover',
    doc: 'Fill an empty state folder with the authorities of the rotation under way, from the copies on a control plane.',
    input: z.strictObject({}),
    observe: async (_input, { connection, signal }) => {
      const isEmpty = Object.keys(await store.load()).length === 0;
      const files = isEmpty ? signerFiles(await readHostSurvey(connection, signal)) : undefined;
      return { isEmpty, copies: files ? await readCopies(connection, files, signal) : [] };
    },
    check: ({ isEmpty, copies }) => ({
      changes: copies.map((copy) => ({
        ...copy,
        summary: `take the ${copy.generation} ${copy.name} CA into the state folder`,
      })),
      reason: isEmpty
        ? 'no rotation is under way here, or none that keeps copies'
        : 'the state folder has its authorities',
    }),
    apply: async (changes) => {
      for (const { name, generation, pem, key } of changes)
        await store.save(name, generation, { pem, key });
      return {};
    },
  };
}

/** The copies on a host: both of each authority, each with its key, or none at all. */
async function readCopies(
  connection: Connection,
  files: SignerFiles,
  signal: AbortSignal,
): Promise<readonly Copy[]> {
  const read = async (path: string): Promise<string> =>
    (await connection.run(sh`cat ${path} 2>/dev/null || true`, { become: true, signal })).stdout;
  const copies = await Promise.all(
    AUTHORITY_NAMES.flatMap((name) =>
      GENERATIONS.map(async (generation): Promise<Copy> => {
        const { certificate, key } = copyOf(files, name, generation);
        return { name, generation, pem: await read(certificate), key: new Secret(await read(key)) };
      }),
    ),
  );
  const isWhole = copies.every(
    ({ pem, key }) => parseCertificates(pem).length === 1 && isPair(pem, key.reveal()),
  );
  return isWhole ? copies : [];
}
