/**
 * The floor: the least that a program in this language can do for the work with ssh2 and the key
 * parsed once. One connection and one exec of one fixed script a host; nothing is decided on the
 * controller. A process of its own, as every tool is.
 *
 *   node floor.js <settings as JSON>
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import pLimit from 'p-limit';
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';

/** What the floor is told. */
export interface FloorSettings {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  /** Base64 of each public key that a host may show. */
  readonly hostKeys: readonly string[];
  readonly scriptFile: string;
  readonly forks: number;
  /** What the script prints when all was right. */
  readonly done: string;
}

const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as FloorSettings;
const key = ssh2.utils.parseKey(readFileSync(settings.keyFile)) as ParsedKey;
const script = readFileSync(settings.scriptFile, 'utf8');
const known = new Set(settings.hostKeys);

/** Does the work on one host; gives what it printed. */
function work(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.once('error', reject);
    client.once('ready', () => {
      client.exec('exec /bin/sh', (error, channel) => {
        if (error) {
          reject(error);
          return;
        }
        const output: Buffer[] = [];
        channel.on('data', (bytes: Buffer) => output.push(bytes));
        channel.stderr.on('data', (bytes: Buffer) => output.push(bytes));
        channel.once('close', () => {
          client.end();
          resolve(Buffer.concat(output).toString());
        });
        channel.end(script);
      });
    });
    client.connect({
      sock: connect({ host, port: settings.port, noDelay: true }),
      username: settings.user,
      authHandler: [
        { type: 'publickey', username: settings.user, key } as unknown as AnyAuthMethod,
      ],
      algorithms: {
        kex: ['curve25519-sha256'],
        cipher: ['aes128-gcm@openssh.com'],
        serverHostKey: ['ssh-ed25519'],
      },
      hostVerifier: (shown: Buffer) => known.has(shown.toString('base64')),
    });
  });
}

const inWork = pLimit(settings.forks);
const outputs = await Promise.all(settings.hosts.map((host) => inWork(() => work(host))));
for (const [i, output] of outputs.entries()) {
  if (output.endsWith(`${settings.done}\n`)) continue;
  process.stderr.write(`${settings.hosts[i] ?? ''}: ${output.slice(-500)}\n`);
  process.exitCode = 1;
}
