import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { connectionTarget } from './connection.js';
import { REFUSED } from './connection-catalogue.js';
import { SealedText, UnsafeText } from './marked-text.js';

const host = (vars: Record<string, unknown>) => ({ name: 'h1', vars });

function refusal(vars: Record<string, unknown>): CaravanError {
  try {
    connectionTarget(host(vars));
  } catch (thrown) {
    if (thrown instanceof CaravanError) return thrown;
  }
  throw new Error('nothing was refused');
}

test('connectionTarget honours the variables of the ssh and sudo plugins', () => {
  const target = connectionTarget(
    host({
      ansible_host: '192.0.2.7',
      ansible_port: '2222',
      ansible_user: 'ops',
      ansible_ssh_private_key_file: '~/.ssh/id',
      ansible_become: 'yes',
      ansible_become_password: new Secret('hunter2'),
      ansible_ssh_private_key_passphrase: new UnsafeText('{{ open }}'),
      ansible_ssh_args: '-C -o ControlMaster=auto -o ControlPersist=60s',
      ansible_shell_type: 'fish',
      ansible_ssh_common_args: `-o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile ~/kh ./kh2" -C`,
      ansible_timeout: 7,
    }),
  );
  expect(target).toMatchObject({
    address: '192.0.2.7',
    port: 2222,
    user: 'ops',
    privateKeyFile: `${homedir()}/.ssh/id`,
    become: { enabled: true, user: 'root' },
    hostKeyPolicy: 'accept-new',
    knownHostsFiles: [`${homedir()}/kh`, resolve('kh2')],
    connectTimeoutMs: 7000,
  });
  expect(target.become.password?.reveal()).toBe('hunter2');
  expect(target.privateKeyPassphrase?.reveal()).toBe('{{ open }}');
  expect(JSON.stringify(target)).not.toContain('hunter2');
});

test('connectionTarget prefers overrides', () => {
  const vars = { ansible_user: 'a', ansible_become: false };
  const target = connectionTarget(host(vars), { user: 'b', become: true, connectTimeoutMs: 5 });
  expect(target).toMatchObject({ user: 'b', become: { enabled: true }, connectTimeoutMs: 5 });
});

test.each([
  [
    { ansible_ssh_common_args: '-o StrictHostKeyChecking=no' },
    'StrictHostKeyChecking=no" is refused',
  ],
  [{ ansible_ssh_common_args: '-J bastion' }, 'ansible_ssh_common_args of h1: "-J bastion" is not'],
  [{ ansible_ssh_args: '-C -J bastion' }, 'ansible_ssh_args of h1: "-J bastion" is not supported'],
  [
    { ansible_ssh_extra_args: '-o ProxyCommand="ssh -W %h:%p b"' },
    'ansible_ssh_extra_args of h1: "-o ProxyCommand=ssh -W %h:%p b" is not supported',
  ],
  [{ ansible_ssh_common_args: '-o Ciphers=x' }, '"-o Ciphers=x" is not supported'],
  [{ ansible_ssh_common_args: '-o UserKnownHostsFile=/dev/null' }, 'is refused'],
  [{ ansible_ssh_common_args: '-F other' }, '"-F" is not supported'],
  [{ ansible_host_key_checking: false }, 'false is refused'],
  [{ ansible_connection: 'docker' }, '"docker" is not supported: only ssh, smart, local'],
  [{ ansible_become_method: 'su' }, '"su" is not supported: only sudo'],
  [{ ansible_shell_executable: '/bin/bash' }, '"/bin/bash" is not supported: only /bin/sh, sh'],
  [{ ansible_port: 'x' }, '"x" is not a number'],
  [{ ansible_ssh_port: 70_000 }, 'ansible_ssh_port of h1: 70000 is no port'],
  [{ ansible_host: ['a'] }, 'is neither text nor a number'],
  [{ ansible_password: new SealedText('$ANSIBLE_VAULT;...') }, 'no vault password was given'],
])('connectionTarget refuses %j', (vars, message) => {
  expect(() => connectionTarget(host(vars))).toThrow(message);
});

test.each([
  ['-J bastion', 'Run caravan on the jump host'],
  ['-o ProxyCommand=x', 'Run caravan on the jump host'],
  ['-p 2222', 'Use ansible_port.'],
  ['-o User=x', 'Use ansible_user.'],
  ['-4', 'Remove it'],
])('connectionTarget says what to do instead of %s', (args, hint) => {
  const thrown = refusal({ ansible_ssh_common_args: args });
  expect(thrown.detail).toMatchObject({
    host: 'h1',
    hint: expect.stringContaining(hint) as unknown,
  });
});

test('connectionTarget refuses each variable of the catalogue that it says it refuses', () => {
  const refused = Object.entries(REFUSED);
  expect(refused.length).toBeGreaterThan(5);
  for (const [name, reason] of refused) {
    expect(refusal({ [name]: 'x' }).message).toBe(`${name} of h1: not supported: ${reason}`);
  }
});
