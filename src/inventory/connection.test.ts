import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Secret } from '../values/secret.js';
import { connectionTarget } from './connection.js';

const host = (vars: Record<string, unknown>) => ({ name: 'h1', groups: [], vars });

test('connectionTarget honours the variables of the ssh and sudo plugins', () => {
  const target = connectionTarget(
    host({
      ansible_host: '{{ prefix }}.{{ net.last }}',
      prefix: '192.0.2',
      net: { last: 7 },
      ansible_port: '2222',
      ansible_user: 'ops',
      ansible_ssh_private_key_file: '~/.ssh/id',
      ansible_become: 'yes',
      ansible_become_password: '{{ vault_pw }}',
      vault_pw: new Secret('hunter2'),
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
  [{ ansible_ssh_common_args: '-J bastion' }, 'not supported yet'],
  [{ ansible_ssh_extra_args: '-o ProxyCommand="ssh -W %h:%p b"' }, 'not supported yet'],
  [{ ansible_ssh_common_args: '-o Ciphers=x' }, '"-o Ciphers=x" is not supported'],
  [{ ansible_ssh_common_args: '-o UserKnownHostsFile=/dev/null' }, 'is refused'],
  [{ ansible_host_key_checking: false }, 'false is refused'],
  [{ ansible_connection: 'docker' }, '"docker" is not supported'],
  [{ ansible_become_method: 'su' }, 'only sudo is'],
  [{ ansible_port: 'x' }, '"x" is not a number'],
  [{ ansible_host: '{{ a }}', a: '{{ b }}' }, '"b" is not defined: ansible_host > a > b'],
  [{ ansible_host: '{{ a }}', a: '{{ ansible_host }}' }, 'round in circles'],
  [{ ansible_host: "{{ lookup('x') }}" }, 'not supported in a connection variable'],
])('connectionTarget refuses %j', (vars, message) => {
  expect(() => connectionTarget(host(vars))).toThrow(message);
});
