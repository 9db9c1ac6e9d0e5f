import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';

/** Loaded at its first use: most runs seal nothing. */
const age = async () => import('age-encryption');

/** Who can unseal (`identity`, to be kept), and what to seal to (`recipient`, public). */
export interface SealingIdentity {
  /** `AGE-SECRET-KEY-1...` */
  readonly identity: Secret;
  /** `age1...` */
  readonly recipient: string;
}

/** A new X25519 identity of age (age-encryption.org/v1). */
export async function newIdentity(): Promise<SealingIdentity> {
  const { generateX25519Identity, identityToRecipient } = await age();
  const identity = await generateX25519Identity();
  return { identity: new Secret(identity), recipient: await identityToRecipient(identity) };
}

/**
 * Bytes encrypted for the recipients, in the binary age format that the `age` command reads.
 *
 * @throws CaravanError `input` when there is no recipient or one cannot be read.
 */
export async function seal(plain: Buffer, recipients: readonly string[]): Promise<Buffer> {
  if (recipients.length === 0) {
    throw new CaravanError('input', 'Nothing can be sealed: no age recipient was given.');
  }
  const { Encrypter } = await age();
  const encrypter = new Encrypter();
  for (const [index, recipient] of recipients.entries()) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      // Neither the text nor the cause: someone may have put the secret identity here.
      throw new CaravanError('input', `Recipient ${index + 1} is not an age recipient.`, {
        hint: 'A recipient starts with "age1"; the secret identity must not stand here.',
      });
    }
  }
  return Buffer.from(await encrypter.encrypt(plain));
}

/**
 * The bytes that were sealed.
 *
 * @throws CaravanError `input` when the identity is not one, is not among the recipients, or the
 * sealed bytes are not intact.
 */
export async function unseal(sealed: Buffer, identity: Secret): Promise<Buffer> {
  const { Decrypter } = await age();
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity.reveal().trim());
    return Buffer.from(await decrypter.decrypt(sealed));
  } catch {
    // No cause: a parse error of the identity could quote it.
    throw new CaravanError('input', 'The sealed bytes cannot be opened with this age identity.', {
      hint: 'Use the identity whose recipient they were sealed to; a damaged file does not open.',
    });
  }
}
