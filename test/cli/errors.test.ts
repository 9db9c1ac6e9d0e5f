import { expect, test } from 'vitest';
import { folder } from '../engine/fleet.js';
import { caravanRun, writeFiles } from './cli.js';

const INVENTORY = '[web]\nh1\nh2\n[all:vars]\nansible_connection=local\n';
const play = (task: string): string => `- hosts: web\n  tasks:\n    - ${task}\n`;

/** What must be an error and not a success: the files, the arguments, and a word for it. */
const CASES: [string, Record<string, string>, string[]][] = [
  ['no host matches', { 'site.yml': '- hosts: wbe\n  tasks: []\n' }, ['-i', 'hosts', 'site.yml']],
  [
    'a limit that matches nothing',
    { 'site.yml': play('debug:') },
    ['-i', 'hosts', '-l', 'h3', 'site.yml'],
  ],
  [
    'a limit that leaves no host of any play',
    { 'site.yml': '- hosts: h1\n  tasks: [{ debug: {} }]\n' },
    ['-i', 'hosts', '-l', 'h2', 'site.yml'],
  ],
  ['a missing inventory', { 'site.yml': play('debug:') }, ['-i', 'none', 'site.yml']],
  ['no inventory', { 'site.yml': play('debug:') }, ['site.yml']],
  ['a missing playbook', {}, ['-i', 'hosts', 'site.yml']],
  [
    'an unmatched start',
    { 'site.yml': play('{ name: install it, debug: {} }') },
    ['-i', 'hosts', '--start-at-task', 'instal it', 'site.yml'],
  ],
  [
    'an unknown key of a play',
    { 'site.yml': '- hosts: web\n  tsks: []\n' },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'an unknown key of a task',
    { 'site.yml': play('{ debug: {}, wehn: true }') },
    ['-i', 'hosts', 'site.yml'],
  ],
  ['an unknown module', { 'site.yml': play('lineinfle: {}') }, ['-i', 'hosts', 'site.yml']],
  [
    'an unknown argument of a module',
    { 'site.yml': play('copy: { dest: /a, contnt: b }') },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'an unknown strategy',
    { 'site.yml': '- hosts: web\n  strategy: lienar\n  tasks: []\n' },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'an unknown handler',
    {
      'site.yml': `${play('{ command: a, notify: restrt }')}  handlers: [{ name: restart, debug: {} }]\n`,
    },
    ['-i', 'hosts', 'site.yml'],
  ],
  ['an unknown role', { 'site.yml': '- hosts: web\n  roles: [ap]\n' }, ['-i', 'hosts', 'site.yml']],
  [
    'an unknown key in an included file',
    { 'site.yml': play('include_tasks: more.yml'), 'more.yml': '- debug:\n  tgs: x\n' },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'an unknown key in a role',
    {
      'site.yml': '- hosts: web\n  roles: [app]\n',
      'roles/app/tasks/main.yml': '- copy: { dst: /x }\n',
    },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'an unknown filter',
    { 'site.yml': play('debug: { msg: "{{ 1 | to_jsn }}" }') },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'an unknown variable',
    {
      'site.yml': `- hosts: web\n  vars: { package: x }\n  tasks:\n    - debug: { msg: "{{ pakage }}" }\n`,
    },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'a task that would not be waited for',
    { 'site.yml': play('{ command: sleep 60, async: 100, poll: 0 }') },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'files of variables of which none is there',
    { 'site.yml': '- hosts: web\n  vars_files: [[a.yml, b.yml]]\n  tasks: []\n' },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'an action that names no module',
    { 'site.yml': play('local_action: { cmd: a }') },
    ['-i', 'hosts', 'site.yml'],
  ],
  [
    'a value of another type',
    { 'site.yml': play('{ command: a, retries: many, until: true }') },
    ['-i', 'hosts', 'site.yml'],
  ],
];

test.each(CASES)('caravan run refuses %s, and says where', async (_name, files, args) => {
  const path = await folder();
  writeFiles(path, { hosts: INVENTORY, ...files });
  const { code, out, err } = await caravanRun(path, ...args);
  expect(code).toBeGreaterThan(0);
  // Times and the folder differ from run to run.
  const text = `${out}${err}`.replaceAll(path, '$FOLDER').replace(/\d+\.\ds/g, '0.0s');
  expect(`exit ${code}\n${text}`).toMatchSnapshot();
});
