/**
 * Many hosts in one process: an SSH server on all loopback addresses that gives each connection a
 * real `/bin/sh`. A shell that waits takes well under 1 MB, so 5,000 of them fit where 5,000 of
 * sshd (three processes each) would not; and nothing about the shell has to be imitated.
 *
 *   node server.js <host key> <authorized public key>      prints its port when it listens
 *
 * A connection takes five file descriptors here: `main.ts` starts as many of these as it needs.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ParsedKey } from 'ssh2';

const [hostKey = '', authorized = ''] = process.argv.slice(2);
const allowed = ssh2.utils.parseKey(readFileSync(authorized)) as ParsedKey;

/** Lets in whoever holds the one key. */
function authenticate(context: AuthContext): void {
  if (context.method !== 'publickey' || !context.key.data.equals(allowed.getPublicSSH())) {
    context.reject(['publickey']);
    return;
  }
  const { blob, signature, hashAlgo } = context;
  const isSound =
    signature === undefined || (blob !== undefined && allowed.verify(blob, signature, hashAlgo));
  if (isSound) context.accept();
  else context.reject();
}

function serve(connection: Connection): void {
  connection.on('authentication', authenticate);
  connection.on('error', () => undefined);
  connection.on('session', (acceptSession) => {
    acceptSession().on('exec', (acceptExec, _reject, { command }) => {
      const channel = acceptExec();
      const shell = spawn('/bin/sh', ['-c', command], { cwd: '/', stdio: 'pipe' });
      channel.pipe(shell.stdin);
      shell.stdin.on('error', () => undefined);
      shell.stdout.pipe(channel, { end: false });
      shell.stderr.pipe(channel.stderr, { end: false });
      channel.on('close', () => shell.kill('SIGHUP'));
      shell.once('close', (code) => {
        channel.exit(code ?? 255);
        channel.end();
      });
    });
  });
}

const server = new ssh2.Server({ hostKeys: [readFileSync(hostKey)] }, (connection, { ip }) => {
  if (ip.startsWith('127.')) serve(connection);
  else connection.end();
});
server.listen({ port: 0, host: '0.0.0.0', backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on('end', () => process.exit()); // with whoever started it
