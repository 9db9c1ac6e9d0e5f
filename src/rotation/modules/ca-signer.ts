import { createHash } from 'node:crypto';
import { dirname } from 'node:path/posix';
import * as z from 'zod';
import { applyHostChanges, type HostChange } from '../../modules/host-change.js';
import type { TaskModule } from '../../modules/module.js';
import { AUTHORITY_FILES, AUTHORITY_NAMES, type AuthorityName } from '../../pki/catalogue.js';
import type { Connection } from '../../transport/port.js';
import { Secret } from '../../values/secret.js';
import { sh } from '../../values/shell.js';
import { GENERATIONS, type Authorities, type AuthorityStore } from '../authorities.js';
import { pairOf, trustText } from '../changes.js';
import { readHostSurvey } from '../host-survey.js';
import { signing } from '../leaves.js';
import { copyOf, signerFiles, type SignerFiles } from '../signer.js';

const input = z.strictObject({
  /** The CA that signs client leaves. */
  signed_by: z.enum(['old', 'new']),
  /** What the fleet trusts; while it is `both`, signer and client CA are split from `ca.crt`. */
  holds: z.enum(['old', 'both', 'new']),
});

type Input = z.infer<typeof input>;

interface Seen {
  readonly authorities: Authorities;
  readonly files: SignerFiles | undefined;
  /** SHA-256 of each file that is there. A digest, so that no key is sent to compare it. */
  readonly digests: ReadonlyMap<string, string>;
}

/** Puts the signer's certificate and key where kube-controller-manager will read them. */
export function caSigner(store: AuthorityStore): TaskModule<Input, Seen, HostChange> {
  return {
    name: 'ca_signer',
    doc: 'Keep the one certificate and key that sign client leaves, split from the bundle while there is one, and copies of both authorities beside them.',
    input,
    observe: async (_input, { connection, signal }) => {
      const files = signerFiles(await readHostSurvey(connection, signal));
      return {
        authorities: await store.load(),
        files,
        digests: files ? await digests(connection, files) : new Map<string, string>(),
      };
    },
    check: (seen, wanted) => ({
      changes: seen.files ? signerChanges(seen, seen.files, wanted) : [],
      reason: seen.files ? `client leaves are signed by: ${wanted.signed_by}` : 'no signer here',
    }),
    apply: (changes, _input, context) => applyHostChanges(changes, context),
  };
}

async function digests(connection: Connection, files: SignerFiles): Promise<Map<string, string>> {
  const paths = [
    files.certificate,
    files.key,
    files.clientCa,
    ...AUTHORITY_NAMES.flatMap((name) => [
      homeKey(files, name),
      ...GENERATIONS.flatMap((generation) => Object.values(copyOf(files, name, generation))),
    ]),
  ];
  const { stdout } = await connection.run(sh`sha256sum ${paths} 2>/dev/null || true`, {
    become: true,
  });
  return new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const [digest, path] = line.split(/\s+/, 2);
      return digest && path ? [[path, digest]] : [];
    }),
  );
}

function signerChanges(seen: Seen, files: SignerFiles, wanted: Input): HostChange[] {
  const pair = pairOf(seen.authorities, 'cluster');
  const split = wanted.holds === 'both';
  const whose = `${wanted.signed_by} CA`;
  const home = homeKeys(seen, files, wanted);
  if (!split) return home;
  const signer = signing(pair[wanted.signed_by], `cluster ${wanted.signed_by}`);
  const text = trustText(pair, wanted.signed_by);
  const folder: HostChange = {
    kind: 'run',
    summary: `make folder ${files.folder}`,
    script: sh`umask 077; mkdir -p ${files.folder}`,
  };
  const changes = [
    ...home,
    // The key first: a signer whose key does not fit is refused and the one in use stays.
    ...writeFile(seen, files.key, signer.key.reveal(), true, whose),
    ...writeFile(seen, files.certificate, text, false, whose),
    ...writeFile(seen, files.clientCa, trustText(pair, 'both'), false, whose),
    ...copies(seen, files),
  ];
  return seen.digests.has(files.certificate) ? changes : [folder, ...changes];
}

/** What fills a lost state folder again. */
function copies(seen: Seen, files: SignerFiles): HostChange[] {
  return AUTHORITY_NAMES.flatMap((name) =>
    GENERATIONS.flatMap((generation) => {
      const authority = seen.authorities[name]?.[generation];
      if (authority?.key === undefined) return [];
      const { certificate, key } = copyOf(files, name, generation);
      const whose = `${generation} ${name} CA, a copy`;
      return [
        ...writeFile(seen, key, authority.key.reveal(), true, whose),
        ...writeFile(seen, certificate, authority.pem, false, whose),
      ];
    }),
  );
}

/**
 * The keys beside the CA files, where the host has them. kubeadm takes each as the key of the first
 * certificate in its file: the old one until the end.
 */
function homeKeys(seen: Seen, files: SignerFiles, { holds }: Input): HostChange[] {
  const generation = holds === 'new' ? 'new' : 'old';
  return AUTHORITY_NAMES.flatMap((name) => {
    const path = homeKey(files, name);
    const key = seen.authorities[name]?.[generation]?.key?.reveal();
    if (key === undefined || !seen.digests.has(path)) return [];
    return writeFile(seen, path, key, true, `${generation} ${name} CA`);
  });
}

const homeKey = (files: SignerFiles, name: AuthorityName): string =>
  name === 'cluster' ? files.home.key : `${dirname(files.home.key)}/${AUTHORITY_FILES[name].key}`;

/** Writes a file that does not hold the content yet. */
function writeFile(
  { digests }: Seen,
  path: string,
  content: string,
  secret: boolean,
  whose: string,
): HostChange[] {
  if (digests.get(path) === sha256(content)) return [];
  const change: HostChange = {
    kind: 'write',
    path,
    content: secret ? new Secret(content) : content,
    mode: secret ? 0o600 : 0o644,
    summary: `${path}: ${secret ? 'key' : 'certificate'} of the ${whose}`,
  };
  return [change];
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
