import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { folder } from '../engine/fleet.js';
import { freePort, makeKey } from '../transport/sshd.js';
import { caravanRun, writeFiles } from './cli.js';
import { junitMistakes, parseXml } from './junit.js';
import { onTerminal } from './terminal.js';

const HOSTS = '[web]\nh1\nh2\n[all:vars]\nansible_connection=local\n';

const JUNIT = `
- name: first & "last" <play>
  hosts: all
  tasks:
    - { name: "is <well> & 'good'", debug: { msg: "]]> \\u0007 \\u001b[31m" } }
    - { name: left out, debug: {}, when: "inventory_hostname == 'h1'" }
    - { name: loops, debug: { msg: "{{ item }}" }, loop: ["<a>", "b"] }
    - { name: ignored, command: "false", ignore_errors: true }
    - { name: fails, shell: "printf '\\\\001 <&> \\\\303\\\\251' >&2; exit 1", when: "inventory_hostname == 'h2'" }
`;

test('--output junit is well-formed and as the schema of JUnit documents says', async () => {
  const path = await folder();
  const gone = 'gone ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\n';
  writeFiles(path, { hosts: gone + HOSTS, 'site.yml': JUNIT });
  const { out, code } = await caravanRun(path, '-i', 'hosts', '--output', 'junit', 'site.yml');
  expect(code).toBe(4);
  const document = parseXml(out);
  expect(junitMistakes(document)).toEqual([]);
  const [suite] = document.children;
  expect(suite?.attributes).toMatchObject({ name: 'first & "last" <play>', failures: '1' });
  expect(suite?.attributes).toMatchObject({ errors: '1', skipped: '3' });
  const failed = suite?.children.find(({ children }) => children[0]?.name === 'failure');
  expect(failed?.attributes).toMatchObject({ classname: 'h2', name: 'fails', file: 'site.yml' });
  expect(failed?.children[0]?.text).toContain('<&> é');
});

const TAGGED = `
- name: one
  hosts: web
  tags: [all_of_one]
  tasks:
    - { name: a, debug: {}, tags: [x, y] }
    - { name: b, debug: {} }
- name: two
  hosts: h1
  tasks: [{ name: c, debug: {}, tags: z }]
`;

test('--list-tags names the tags of each play, and runs nothing', async () => {
  const path = await folder();
  writeFiles(path, { hosts: HOSTS, 'site.yml': TAGGED });
  const { out, code } = await caravanRun(path, '-i', 'hosts', '--list-tags', 'site.yml');
  expect(code).toBe(0);
  expect(out).toBe('play [one] (web)\n  tags: [all_of_one, x, y]\nplay [two] (h1)\n  tags: [z]\n');
  const tagged = await caravanRun(path, '-i', 'hosts', '--list-tags', '-t', 'x', 'site.yml');
  expect(tagged.out).toContain('tags: [all_of_one, x, y]\nplay [two] (h1)\n  tags: []\n');
});

const STEPS = `
- hosts: h1
  tasks:
    - { name: first, debug: { msg: is first } }
    - { name: second, debug: { msg: is second } }
    - { name: third, debug: { msg: is third } }
    - { name: fourth, debug: { msg: is fourth } }
`;

test('--step asks before each task until it is told to go on', async () => {
  const path = await folder();
  writeFiles(path, { hosts: HOSTS, 'site.yml': STEPS });
  const shown = await onTerminal(['run', '-i', 'hosts', '--step', 'site.yml'], {
    ...{ folder: path, rows: 40, columns: 100 },
    steps: [
      { when: /Run \[first\]\?/, type: 'n' },
      { when: /Run \[second\]\?/, type: 'y' },
      { when: /Run \[third\]\?/, type: 'c' },
    ],
  });
  expect(shown.code).toBe(0);
  expect(shown.text).not.toContain('is first');
  for (const said of ['is second', 'is third', 'is fourth']) expect(shown.text).toContain(said);
  expect(shown.text).not.toContain('Run [fourth]');
});

test('--step is an error where there is no terminal to ask on', async () => {
  const path = await folder();
  writeFiles(path, { hosts: HOSTS, 'site.yml': STEPS });
  const { err, code } = await caravanRun(path, '-i', 'hosts', '--step', 'site.yml');
  expect(code).toBe(1);
  expect(err).toContain('--step cannot ask: no terminal');
});

const PASSWORD = "it's s3cret";

/** An sshd that takes a password, with a user whom only its own mount namespace knows; sudo asks too. */
async function passwordSshd(path: string): Promise<{ port: number; knownHosts: string }> {
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], {
    input: PASSWORD,
    encoding: 'utf8',
  });
  const passwd = readFileSync('/etc/passwd', 'utf8');
  const shadow = readFileSync('/etc/shadow', 'utf8');
  writeFileSync(join(path, 'passwd'), `${passwd}caravan-test:x:64999:64999::/tmp:/bin/sh\n`);
  writeFileSync(join(path, 'shadow'), `${shadow}caravan-test:${hash.trim()}:19000:0:99999:7:::\n`, {
    mode: 0o600,
  });
  writeFileSync(join(path, 'sudoers'), 'caravan-test ALL=(ALL) ALL\n', { mode: 0o440 });
  const key = makeKey(join(path, 'host_key'), 'ed25519');
  const port = await freePort();
  const config = [
    ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${path}/host_key`, 'UsePAM no'],
    ...['PasswordAuthentication yes', 'PubkeyAuthentication no', `PidFile ${path}/pid`, ''],
  ];
  writeFileSync(join(path, 'config'), config.join('\n'));
  writeFileSync(join(path, 'known_hosts'), `[127.0.0.1]:${port} ${key}\n`);
  const mounts = ['shadow', 'passwd', 'sudoers'].map(
    (file) => `mount --bind "$1/${file}" /etc/${file}`,
  );
  const start = `${mounts.join(' && ')} && exec /usr/sbin/sshd -D -e -f "$1/config"`;
  const child = spawn('unshare', ['-m', '/bin/sh', '-c', start, 'sh', path], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => {
    child.kill();
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (data: Buffer) => {
      if (data.includes('Server listening')) resolve();
    });
    child.once('exit', () => {
      reject(new Error('sshd did not start'));
    });
  });
  return { port, knownHosts: join(path, 'known_hosts') };
}

const canUnshare = userInfo().uid === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

test.runIf(canUnshare)(
  '-k asks for the password once, logs in with it and never shows it',
  async () => {
    const path = await folder();
    const { port, knownHosts } = await passwordSshd(path);
    writeFiles(path, {
      hosts: `[web]\nh[1:3] ansible_host=127.0.0.1 ansible_port=${port} ansible_user=caravan-test ansible_ssh_common_args='-o UserKnownHostsFile=${knownHosts}'\n`,
      'site.yml':
        '- hosts: web\n  tasks: [{ command: id -un, register: who }, { debug: { msg: "I am {{ who.stdout }}" } }]\n',
    });
    const args = ['run', '-i', 'hosts', '-k', '-vvvv', 'site.yml'];
    const size = { folder: path, rows: 50, columns: 100 };
    const steps = (type: string) => [{ when: /SSH password:/, type }];
    const shown = await onTerminal(args, { ...size, steps: steps(PASSWORD) });
    expect(shown.text).toContain('I am caravan-test');
    expect(shown.code).toBe(0);
    expect(shown.text.match(/SSH password/g)).toHaveLength(1);
    expect(shown.screens.join('\n')).not.toContain(PASSWORD);
    const wrong = await onTerminal(args, { ...size, steps: steps('wrong') });
    expect(wrong.code).toBe(4);
    expect(wrong.text).toMatch(/refused the login as caravan-test/);
  },
  120_000,
);

test.runIf(canUnshare)(
  'a survey asks for the passwords that -k and -K name, each once',
  async () => {
    const path = await folder();
    const { port, knownHosts } = await passwordSshd(path);
    writeFiles(path, {
      hosts: `[masters]\nh[1:2] ansible_host=127.0.0.1 ansible_port=${port} ansible_ssh_common_args='-o UserKnownHostsFile=${knownHosts}'\n`,
    });
    const survey = (becomePassword: string) =>
      onTerminal(['survey', '-i', 'hosts', '-u', 'caravan-test', '-k', '-K'], {
        ...{ folder: path, rows: 50, columns: 100 },
        steps: [
          { when: /SSH password:/, type: PASSWORD },
          { when: /BECOME password:/, type: becomePassword },
        ],
      });
    const shown = await survey(PASSWORD);
    expect(shown.text).toContain('The survey saw no certificate at all');
    expect(shown.screens.join('\n')).not.toContain(PASSWORD);
    const wrong = await survey('wrong');
    expect(wrong.text).toMatch(/did not accept the password to become root/);
  },
  120_000,
);

const PROMPTS = `
- hosts: h1
  vars_prompt:
    - { name: who, prompt: Who is it, private: false }
    - { name: where, default: here, private: false }
    - { name: word }
  tasks:
    - { name: says, debug: { msg: "{{ who }} is {{ where }}" } }
    - { name: shows, debug: { var: word } }
`;

test('vars_prompt asks on a terminal, and shows no answer that is private', async () => {
  const path = await folder();
  writeFiles(path, { hosts: HOSTS, 'site.yml': PROMPTS });
  const shown = await onTerminal(['run', '-i', 'hosts', '-vvvv', 'site.yml'], {
    ...{ folder: path, rows: 60, columns: 100 },
    steps: [
      { when: /Who is it:$/m, type: 'ann' },
      { when: /where \[here\]:$/m, type: '' },
      { when: /word:$/m, type: 'open sesame' },
    ],
  });
  expect(shown.text).toMatch(/"msg": "ann is here"[^]*"word": "\[secret\]"/);
  expect(shown.screens.join('\n')).not.toContain('sesame');
  expect(shown.code).toBe(0);
});

test('vars_prompt is an error without a terminal, unless -e answers', async () => {
  const path = await folder();
  writeFiles(path, { hosts: HOSTS, 'site.yml': PROMPTS });
  const { err, code } = await caravanRun(path, '-i', 'hosts', '-e', 'who=ann', 'site.yml');
  expect(code).toBe(1);
  expect(err).toContain("vars_prompt: 'where' cannot be asked: no terminal");
  expect(err).toContain('give it with -e where=...');
  const answers = ['-e', 'who=ann where=there word=x'];
  const given = await caravanRun(path, '-i', 'hosts', ...answers, 'site.yml');
  expect(given.out).toContain('ann is there');
});

/** What `ansible-vault` made of `word: from sealed file`, and of `topsecret`, with the password `pw`. */
const SEALED_FILE = `$ANSIBLE_VAULT;1.1;AES256
39643762363033616338366534343962633338663064346231396566343862663739376235366330
6534353937306536396438643966643262383636396162630a316430366539313038356565623365
34306539306239326364646331316634396663326663643935626562393339313037333532333461
3330383062616362660a323733383466303965363366616233323532633464353566643266666235
64333233376363373438363339306432643563353439633032303638353562336132
`;
const SEALED_VALUE = `x: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          31346162616635663533616135636435313163306137346633663765633634313339656464383134
          3264633731356637633331323836363831653535633361340a653233353536663661613962373834
          37373565393261393535633035636363643239333766613834663464646563303863666262643064
          3636613034663161650a353330616530613634346434666534613331353862326433363439343437
          3137
`;

test('-e reads files as variables of an inventory are read, and opens what is sealed', async () => {
  const path = await folder();
  writeFiles(path, {
    hosts: HOSTS,
    pw: 'pw\n',
    'file.yml': SEALED_FILE,
    'value.yml': SEALED_VALUE,
    'plain.yml': 'day: 2020-01-02\nletter: y\nraw: !unsafe "{{ x }}"\nmode: 0644\n',
    'empty.yml': '',
    'site.yml': `- hosts: h1\n  tasks:\n    - debug: { msg: "{{ [day, letter, raw, mode] | join(' ') }}" }\n    - copy: { content: "{{ word }}, {{ x }}", dest: ${path}/opened }\n    - debug: { msg: "{{ word }}, {{ x }}" }\n`,
  });
  const files = ['plain', 'file', 'value', 'empty'].flatMap((name) => ['-e', `@${name}.yml`]);
  const args = ['-i', 'hosts', '-vvvv', ...files, 'site.yml'];
  const opened = await caravanRun(path, '--vault-password-file', 'pw', ...args);
  expect(opened).toMatchObject({ code: 0, err: '' });
  expect(opened.out).toContain('2020-01-02 y {{ x }} 420');
  expect(readFileSync(join(path, 'opened'), 'utf8')).toBe('from sealed file, topsecret');
  expect(opened.out).not.toMatch(/sealed file, |topsecret/);
  const closed = await caravanRun(path, ...args);
  expect(closed.code).toBe(1);
  expect(closed.err).toContain('file.yml: it is encrypted and no vault password was given');
});
