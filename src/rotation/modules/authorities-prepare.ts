import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Change, ModuleContext, TaskModule } from '../../modules/module.js';
import { createAuthority, readAuthority } from '../../pki/authority.js';
import type { Authority } from '../../pki/certificate.js';
import { AUTHORITY_FILES, AUTHORITY_NAMES, type AuthorityName } from '../../pki/catalogue.js';
import { parseCertificates } from '../../pki/certificate.js';
import { newSerial } from '../../pki/serial.js';
import { CaravanError } from '../../values/error.js';
import { Secret } from '../../values/secret.js';
import { sh } from '../../values/shell.js';
import {
  isPair,
  type Authorities,
  type AuthorityStore,
  type Generation,
  type StoredAuthority,
} from '../authorities.js';
import { readHostSurvey, type HostSurvey } from '../host-survey.js';
import { signing, validity } from '../leaves.js';
import { surveysOf } from './host-survey.js';

const input = z.strictObject({
  /** Which authorities are rotated. */
  authorities: z.array(z.enum(AUTHORITY_NAMES)).default([...AUTHORITY_NAMES]),
  /** A folder with the operator's own new CAs, named as kubeadm names them. */
  from: z.string().default(''),
  /** Lifetime of a CA that is made here, in days; kubeadm's default. */
  days: z.number().int().positive().default(3650),
});

type Input = z.infer<typeof input>;

interface Seen {
  readonly authorities: Authorities;
  /** The CA files of the control plane, by authority. */
  readonly there: Readonly<Partial<Record<AuthorityName, { certificate: string; path: string }>>>;
  readonly given: Readonly<Partial<Record<AuthorityName, Authority>>>;
}

type KeepChange = Change & {
  readonly authority: AuthorityName;
  readonly generation: Generation;
  readonly there: { readonly certificate: string; readonly path: string } | undefined;
  readonly given: Authority | undefined;
};

/**
 * Fills the state folder: today's authorities, read from a control plane with their keys, and the
 * new ones, made here or given by the operator. Nothing changes on a host.
 */
export function authoritiesPrepare(store: AuthorityStore): TaskModule<Input, Seen, KeepChange> {
  return {
    name: 'authorities_prepare',
    doc: 'Keep the present authorities on the controller and make, or take over, the new ones.',
    input,
    observe: async (wanted, context) => {
      const seen = {
        authorities: await store.load(),
        there: authorityFiles(await readHostSurvey(context.connection, context.signal)),
        given: wanted.from === '' ? {} : await readGiven(wanted, wanted.from, context),
      };
      for (const name of wanted.authorities) refuseNamesake(seen, name);
      refuseYounger(seen.given, surveysOf(context));
      refuseKeyless(seen.authorities, wanted);
      // What a dry run shows of the first step rests on authorities that are there.
      if (context.checkMode)
        for (const change of wanted.authorities.flatMap((name) => keepChanges(seen, name)))
          store.assume(change.authority, change.generation, await kept(change, wanted, context));
      return seen;
    },
    check: (seen, wanted) => ({
      changes: wanted.authorities.flatMap((name) => keepChanges(seen, name)),
      reason: 'old and new authorities are in the state folder',
    }),
    apply: async (changes, wanted, context) => {
      for (const change of changes)
        await store.save(change.authority, change.generation, await kept(change, wanted, context));
      // A key that is not on the host may have been put into the folder.
      refuseKeyless(await store.load(), wanted);
      return {};
    },
  };
}

function authorityFiles(survey: HostSurvey): Seen['there'] {
  const files = {
    cluster: 'kube-apiserver client CA',
    'front-proxy': 'kube-apiserver front-proxy CA',
  };
  return Object.fromEntries(
    AUTHORITY_NAMES.flatMap((name) => {
      const found = survey.items.find(({ item }) => item.name === files[name]);
      return found ? [[name, { certificate: found.pem, path: found.path }]] : [];
    }),
  );
}

async function readGiven(
  { authorities }: Input,
  folder: string,
  { clock }: ModuleContext,
): Promise<Seen['given']> {
  const read = async (name: AuthorityName): Promise<[AuthorityName, Authority]> => {
    const { certificate, key } = AUTHORITY_FILES[name];
    const [certPem, keyPem] = await Promise.all(
      [certificate, key].map((file) =>
        readFile(join(folder, file), 'utf8').catch((cause: unknown) => {
          throw new CaravanError(
            'input',
            `Read the new ${name} CA: ${join(folder, file)} cannot be read.`,
            {
              hint: `Put ${certificate} and ${key} into ${folder}.`,
              cause,
            },
          );
        }),
      ),
    );
    return [name, readAuthority(certPem ?? '', new Secret(keyPem ?? ''), { now: clock.now() })];
  };
  return Object.fromEntries(await Promise.all(authorities.map(read)));
}

/** Refuses a new CA that verifiers could take for the old one. */
function refuseNamesake({ authorities, there, given }: Seen, name: AuthorityName): void {
  const [present] = parseCertificates(there[name]?.certificate ?? '');
  const old = authorities[name]?.old.certificate ?? present;
  const next = given[name]?.certificate;
  if (
    old &&
    next &&
    next.subject === old.subject &&
    next.fingerprintSha256 !== old.fingerprintSha256
  ) {
    throw new CaravanError(
      'input',
      `The new ${name} CA has the name of the old one: ${next.subject}. Verifiers that go by name would try the wrong one.`,
      { hint: 'Make the new CA with another common name.' },
    );
  }
}

/** What is made here is backdated; a CA that was given can begin later than a host's clock says. */
export function refuseYounger(
  given: Seen['given'],
  surveys: readonly Pick<HostSurvey, 'host' | 'now'>[],
): void {
  for (const [name, { certificate }] of Object.entries(given))
    for (const { host, now } of surveys)
      if (certificate.notBefore.getTime() > now * 1000)
        throw new CaravanError(
          'input',
          `The new ${name} CA is not valid before ${certificate.notBefore.toISOString()}, and the clock of ${host} said ${new Date(now * 1000).toISOString()}.`,
          { host, hint: 'Set the clock right (NTP) or wait, then run the same command again.' },
        );
}

/** Both keys are needed in each state, if only for the canaries of its proof. */
function refuseKeyless(authorities: Authorities, { authorities: names }: Input): void {
  for (const name of names)
    for (const [generation, authority] of Object.entries(authorities[name] ?? {}))
      signing(authority as StoredAuthority, `${name} ${generation}`);
}

function keepChanges({ authorities, there, given }: Seen, name: AuthorityName): KeepChange[] {
  const pair = authorities[name];
  const [present] = parseCertificates(there[name]?.certificate ?? '');
  const next = pair?.new?.certificate.fingerprintSha256;
  const asked = given[name]?.certificate.fingerprintSha256;
  if (next !== undefined && asked !== undefined && next !== asked) {
    throw new CaravanError(
      'input',
      `Another new ${name} CA is already prepared in the state folder.`,
      {
        hint: 'Leave out --new-ca to go on with it.',
      },
    );
  }
  if (!present) return [];
  const shared = { authority: name, there: there[name], given: given[name] };
  const keep = {
    ...shared,
    generation: 'old',
    summary: `keep the ${name} CA ${present.subject}`,
  } as const;
  const verb = asked === undefined ? 'make' : 'take over';
  const make = { ...shared, generation: 'new', summary: `${verb} a new ${name} CA` } as const;
  return [...(pair ? [] : [keep]), ...(next === undefined ? [make] : [])];
}

async function kept(
  { authority, generation, there, given }: KeepChange,
  wanted: Input,
  context: ModuleContext,
): Promise<{ pem: string; key?: Secret }> {
  return generation === 'old'
    ? readOld(there, context)
    : newAuthority(authority, given, wanted, context);
}

async function readOld(
  there: { certificate: string; path: string } | undefined,
  { connection, signal }: ModuleContext,
): Promise<{ pem: string; key?: Secret }> {
  if (!there) throw new CaravanError('input', 'No CA file is named by kube-apiserver here.');
  const key = there.path.replace(/\.crt$/, '.key');
  const { stdout } = await connection.run(sh`cat ${key}`, { become: true, signal });
  const isIts = isPair(there.certificate, stdout);
  return { pem: there.certificate, ...(isIts && { key: new Secret(stdout) }) };
}

function newAuthority(
  name: AuthorityName,
  given: Authority | undefined,
  { days }: Input,
  { clock }: ModuleContext,
): { pem: string; key: Secret } {
  const now = clock.now();
  const day = now.toISOString().slice(0, 10);
  const made =
    given ??
    createAuthority({
      ...validity(now, days),
      // Unique, so that no verifier has to try two CAs of one name.
      commonName: `${name === 'cluster' ? 'kubernetes' : 'front-proxy-ca'}-${day}-${randomBytes(3).toString('hex')}`,
      keyAlgorithm: 'rsa2048',
      serial: newSerial(randomBytes),
    });
  return { pem: made.certificate.pem, key: made.key };
}
