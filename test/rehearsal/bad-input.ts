import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

interface Group {
  readonly hosts: Record<string, Record<string, string>>;
}

/** The group `all` of the lab's inventory. */
export interface LabInventory {
  readonly vars: Record<string, unknown>;
  readonly children: Record<string, Group>;
}

/** The lab's inventory with a change, as a file of its own. */
export async function inventoryWith(
  folder: string,
  change: (all: LabInventory) => void,
): Promise<string> {
  const text = await readFile('inventory/lab/hosts.yml', 'utf8');
  const inventory = parse(text) as { all: LabInventory };
  change(inventory.all);
  const path = join(await mkdtemp(join(folder, 'inventory-')), 'hosts.yml');
  await writeFile(path, stringify(inventory));
  return path;
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

interface Wanted {
  readonly subject: string;
  /** The `basicConstraints` (default: of a CA). */
  readonly constraints?: string;
  /** Days from now to its end (default 30). */
  readonly days?: number;
  /** Whether the key beside the certificate is another one. */
  readonly wrongKey?: boolean;
}

function makeCa(folder: string, name: string, wanted: Wanted): void {
  const { subject, constraints = 'critical,CA:TRUE', days = 30, wrongKey } = wanted;
  const [crt, key, csr, extensions] = ['crt', 'key', 'csr', 'ext'].map((end) =>
    join(folder, `${name}.${end}`),
  ) as [string, string, string, string];
  writeFileSync(extensions, `basicConstraints=${constraints}\n`);
  openssl([
    'req',
    '-new',
    '-subj',
    subject,
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    csr,
  ]);
  openssl([
    'x509',
    '-req',
    '-in',
    csr,
    '-signkey',
    key,
    '-days',
    String(days),
    '-extfile',
    extensions,
    '-out',
    crt,
  ]);
  if (wrongKey) openssl(['genrsa', '-out', key, '2048']);
}

/** A folder for `--new-ca` whose cluster CA is as wanted; its front-proxy CA is a good one. */
export async function newCaFolder(parent: string, wanted: Wanted): Promise<string> {
  const folder = await mkdtemp(join(parent, 'new-ca-'));
  makeCa(folder, 'ca', wanted);
  makeCa(folder, 'front-proxy-ca', { subject: '/CN=front-proxy-next' });
  return folder;
}

/** New CAs that must be refused, and what the refusal says. */
export const NEW_CAS: readonly {
  readonly problem: string;
  readonly make: Wanted;
  readonly said: readonly RegExp[];
}[] = [
  {
    problem: 'expired',
    make: { subject: '/CN=next-expired', days: -1 },
    said: [/next-expired/, /expired at \d{4}-/],
  },
  {
    problem: 'not a CA',
    make: { subject: '/CN=next-leaf', constraints: 'critical,CA:FALSE' },
    said: [/next-leaf/, /not a CA/],
  },
  {
    problem: 'without its key',
    make: { subject: '/CN=next-key', wrongKey: true },
    said: [/next-key/, /key/],
  },
];

/** A state folder with the authority of a cluster that is not the lab's. */
export async function foreignState(parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, 'state-'));
  const cluster = join(folder, 'authorities', 'cluster');
  await mkdir(cluster, { recursive: true });
  makeCa(cluster, 'old', { subject: '/CN=elsewhere' });
  return folder;
}
