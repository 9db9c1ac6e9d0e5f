import { homedir } from 'node:os';
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
    sshOptions: [
      { keyword: 'stricthostkeychecking', values: ['accept-new'] },
      { keyword: 'userknownhostsfile', values: ['~/kh', './kh2'] },
    ],
    connectTimeoutMs: 7000,
  });
  expect(target.become.password?.reveal()).toBe('hunter2');
  expect(target.privateKeyPassphrase?.reveal()).toBe('{{ open }}');
  expect(JSON.stringify(target)).not.toContain('hunter2');
});

test.each([
  'ansible_host',
  'ansible_user',
  'ansible_become_user',
  'ansible_password',
  'ansible_ssh_private_key_file',
  'ansible_ssh_common_args',
])('connectionTarget refuses a NUL character in %s', (name) => {
  const { kind, message } = refusal({ [name]: 'hunter2\0' });
  expect({ kind, message }).toEqual({
    kind: 'input',
    message: `${name} of h1: has a NUL character`,
  });
});

test('connectionTarget takes the arguments of ssh in their order, the first of ssh_args', () => {
  const target = connectionTarget(
    host({
      ansible_ssh_common_args: '-J a,b -p 2222 -vvC -oPort=3 -F bastion.conf -4 -i "my key"',
      ansible_ssh_args: `-o ControlPersist=60s -o ProxyCommand="ssh -W '%h:%p' b"`,
    }),
  );
  expect(target.sshOptions).toEqual([
    { keyword: 'proxycommand', values: ["ssh -W '%h:%p' b"] },
    { keyword: 'proxyjump', values: ['a,b'] },
    { keyword: 'port', values: ['2222'] },
    { keyword: 'port', values: ['3'] },
    { keyword: 'addressfamily', values: ['inet'] },
    { keyword: 'identityfile', values: ['my key'] },
  ]);
  expect(target).toMatchObject({ address: 'h1', sshConfigFile: 'bastion.conf' });
  expect([target.port, target.user, target.hostKeyPolicy]).toEqual(Array(3).fill(undefined));
});

test("connectionTarget takes su's own variables with su, and sudo's with sudo", () => {
  const vars = {
    ...{ ansible_become_user: 'x', ansible_su_user: 'db', ansible_su_pass: 'a' },
    ...{ ansible_sudo_user: 'web', ansible_sudo_pass: 'b' },
  };
  const su = connectionTarget(host({ ...vars, ansible_become_method: 'su' })).become;
  expect(su).toMatchObject({ method: 'su', user: 'db' });
  expect(su.password?.reveal()).toBe('a');
  const sudo = connectionTarget(host(vars)).become;
  expect([sudo.method, sudo.user, sudo.password?.reveal()]).toEqual([undefined, 'web', 'b']);
});

test('connectionTarget prefers overrides', () => {
  const vars = { ansible_user: 'a', ansible_become: false };
  const target = connectionTarget(host(vars), { user: 'b', become: true, connectTimeoutMs: 5 });
  expect(target).toMatchObject({ user: 'b', become: { enabled: true }, connectTimeoutMs: 5 });
});

test('connectionTarget takes true for yes and false for no, as ssh', () => {
  const vars = { ansible_ssh_args: '-o StrictHostKeyChecking=True -o ForwardAgent=false' };
  expect(connectionTarget(host(vars)).sshOptions).toEqual([
    { keyword: 'stricthostkeychecking', values: ['yes'] },
  ]);
});

test.each([
  [
    { ansible_ssh_common_args: '-o StrictHostKeyChecking=no' },
    'StrictHostKeyChecking=no" is refused',
  ],
  [{ ansible_ssh_args: '-o StrictHostKeyChecking=FALSE' }, 'Checking=FALSE" is refused'],
  [{ ansible_ssh_common_args: '-A' }, 'ansible_ssh_common_args of h1: "-A" is not supported'],
  [{ ansible_ssh_args: '-C -L 1:b:2' }, 'ansible_ssh_args of h1: "-L 1:b:2" is not supported'],
  [
    { ansible_ssh_extra_args: '-o Cyphers=x' },
    'ansible_ssh_extra_args of h1: "-o Cyphers=x" is not',
  ],
  [{ ansible_ssh_common_args: '-o SendEnv=LANG' }, '"-o SendEnv=LANG" is not supported'],
  [{ ansible_ssh_common_args: '-o "Ciphers \\"x"' }, 'a quote is not closed'],
  [{ ansible_ssh_common_args: '-o UserKnownHostsFile=/dev/null' }, 'is refused'],
  [{ caravan_transport: 'telnet' }, '"telnet" is not supported: only auto, ssh2, openssh'],
  [{ ansible_host_key_checking: false }, 'false is refused'],
  [{ ansible_connection: 'docker' }, '"docker" is not supported: only ssh, smart, local'],
  [{ ansible_become_method: 'doas' }, '"doas" is not supported: only sudo, su'],
  [{ ansible_shell_executable: '/bin/bash' }, '"/bin/bash" is not supported: only /bin/sh, sh'],
  [{ ansible_timeout: 0 }, 'ansible_timeout of h1: 0 is no deadline'],
  [{ ansible_port: 'x' }, '"x" is not a number'],
  [{ ansible_ssh_port: 70_000 }, 'ansible_ssh_port of h1: 70000 is no port'],
  [{ ansible_host: ['a'] }, 'is neither text nor a number'],
  [{ ansible_password: new SealedText('$ANSIBLE_VAULT;...') }, 'no vault password was given'],
])('connectionTarget refuses %j', (vars, message) => {
  expect(() => connectionTarget(host(vars))).toThrow(message);
});

test.each([
  ['-A', 'The agent is not forwarded'],
  ['-L 1:b:2', 'Forwarding is not done'],
  ['-o ForwardAgent=yes', 'Remove it'],
  ['-N', 'Remove it'],
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
