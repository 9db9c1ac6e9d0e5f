/**
 * Makes V8's code cache of the program: does the usual work on one host over SSH, and keeps what V8
 * compiled for that. The host is this machine, behind an SSH server that is there for the moment.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { CODE_CACHE, start } from './bin/start.js';

const folder = mkdtempSync(join(tmpdir(), 'caravan-build-'));
const hostKey = ssh2.utils.generateKeyPairSync('ed25519');
const userKey = ssh2.utils.generateKeyPairSync('ed25519');

/**
 * A shell on this machine, for a command that was asked for.
 * @param {import('ssh2').ServerChannel} channel
 * @param {string} command
 */
function serveShell(channel, command) {
  const env = { ...process.env, HOME: folder };
  const shell = spawn('/bin/sh', ['-c', command], { cwd: folder, env });
  channel.pipe(shell.stdin);
  shell.stdout.pipe(channel, { end: false });
  shell.stderr.pipe(channel.stderr, { end: false });
  shell.once('close', (code) => {
    channel.exit(code ?? 255);
    channel.end();
  });
}

const server = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
  connection.on('error', () => undefined);
  connection.on('authentication', (context) => {
    if (context.method === 'publickey' && isSigned(context)) context.accept();
    else context.reject(['publickey']);
  });
  connection.on('session', (accept) => {
    accept().on('exec', (acceptExec, _reject, { command }) => {
      serveShell(acceptExec(), command);
    });
  });
});

/**
 * Whether a request to log in is signed with the key that was made for this.
 * @param {import('ssh2').PublicKeyAuthContext} context
 */
function isSigned({ key, blob, signature, hashAlgo }) {
  const allowed = ssh2.utils.parseKey(userKey.public);
  if (allowed instanceof Error || !blob || !signature) return false;
  return key.data.equals(allowed.getPublicSSH()) && allowed.verify(blob, signature, hashAlgo);
}

await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
server.unref();
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

/** Files in the folder of this build, by name. */
const FILES = {
  user_key: userKey.private,
  known_hosts: `[127.0.0.1]:${port} ${hostKey.public}\n`,
  'hosts.yml': JSON.stringify({
    all: {
      hosts: { 'node1.example': { ansible_host: '127.0.0.1', home: folder } },
      vars: {
        ansible_port: port,
        ansible_ssh_private_key_file: join(folder, 'user_key'),
        ansible_ssh_common_args: `-F none -o UserKnownHostsFile=${folder}/known_hosts -o IdentitiesOnly=yes`,
      },
    },
  }),
  'ca.crt': 'new\n',
  'flags.yaml': '- --client-ca-file=ca.crt\n',
  'site.yml': JSON.stringify([
    {
      hosts: 'all',
      gather_facts: true,
      tasks: [
        { name: 'read', slurp: { src: '{{ home }}/flags.yaml' }, register: 'flags' },
        { name: 'write', copy: { src: 'ca.crt', dest: '{{ home }}/bundle.crt', mode: '0644' } },
        {
          name: 'edit',
          lineinfile: {
            path: '{{ home }}/flags.yaml',
            regexp: '^- --client-ca-file=.*',
            line: '- --client-ca-file=bundle.crt',
          },
        },
        { name: 'ask', command: 'uname -r', changed_when: false },
        { name: 'look', stat: { path: '{{ home }}/bundle.crt' }, register: 'seen' },
        {
          name: 'judge',
          assert: { that: ['seen.stat.exists', "flags.content | b64decode != ''"] },
        },
      ],
    },
  ]),
};
for (const [name, text] of Object.entries(FILES))
  writeFileSync(join(folder, name), text, { mode: 0o600 });
process.chdir(folder);
process.argv.splice(2, Infinity, 'run', 'site.yml', '-i', 'hosts.yml');
const script = start();
process.once('exit', (code) => {
  rmSync(folder, { recursive: true });
  if (code === 0) writeFileSync(CODE_CACHE, script.createCachedData());
});
