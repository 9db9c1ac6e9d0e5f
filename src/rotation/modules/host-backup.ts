import * as z from 'zod';
import { commandError } from '../../modules/host-change.js';
import type { Change, TaskModule } from '../../modules/module.js';
import { newIdentity, seal } from '../../pki/sealed.js';
import { pipeFrom, sh } from '../../values/shell.js';
import type { AuthorityStore } from '../authorities.js';

const input = z.strictObject({
  /** age recipients (`age1...`). Without one, an identity is made and kept beside the backups. */
  recipients: z.array(z.string()).default([]),
});

type Input = z.infer<typeof input>;

const IDENTITY = 'backups/identity.txt';

/**
 * Keeps a copy of all that a rotation may touch on a host, from before its first change: a tar
 * archive, encrypted on the controller (age-encryption.org/v1), that the `age` command opens.
 * Going back does not need it; it is for the day when nothing else is left.
 */
export function hostBackup(store: AuthorityStore): TaskModule<Input, { kept: boolean }> {
  const file = (host: string): string => `backups/${encodeURIComponent(host)}.tar.age`;
  let made: Promise<string> | undefined;
  return {
    name: 'host_backup',
    doc: 'Keep an encrypted copy of the Kubernetes files of a host on the controller, once a rotation.',
    input,
    observe: async (_input, { host }) => ({
      kept: (await store.kept(file(host.name))) !== undefined,
    }),
    check: ({ kept }) => ({
      changes: kept ? [] : [{ summary: 'keep an encrypted copy on the controller' }],
      reason: 'a copy from before this rotation is kept',
    }),
    apply: async (_changes: readonly Change[], { recipients }, { connection, host, signal }) => {
      // base64, since what a step prints is text. Neither shell nor controller writes it down.
      const archive = await connection.run(
        sh`set -e; cd /
set -- etc/kubernetes var/lib/kubelet/pki var/lib/kubelet/config.yaml
for f do shift; [ ! -e "$f" ] || set -- "$@" "$f"; done
${pipeFrom(sh`tar -cf - "$@"`, sh`base64`)}`,
        { become: true, signal },
      );
      if (archive.code !== 0)
        throw commandError('archive the Kubernetes files', archive, host.name);
      // One identity for all hosts, which are read at the same time.
      if (recipients.length === 0) made ??= ownIdentity(store);
      const to = made ? [await made] : recipients;
      await store.keep(file(host.name), await seal(Buffer.from(archive.stdout, 'base64'), to));
      return {};
    },
  };
}

/** The recipient of the identity in the state folder, which is made where there is none. */
async function ownIdentity(store: AuthorityStore): Promise<string> {
  const kept = (await store.kept(IDENTITY))?.match(/^# public key: (age1\S+)$/m)?.[1];
  if (kept !== undefined) return kept;
  const { identity, recipient } = await newIdentity();
  // The form that age-keygen writes.
  const text = `# public key: ${recipient}\n${identity.reveal().trim()}\n`;
  await store.keep(IDENTITY, Buffer.from(text));
  return recipient;
}
