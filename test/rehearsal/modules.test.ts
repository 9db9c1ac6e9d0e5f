import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../src/engine/events.js';
import { caravan } from './command.js';

// Modules that need systemd or Kubernetes, on the lab's hosts.

const INVENTORY = 'inventory/lab/hosts.yml';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caravan-modules-'));
  expect((await caravan(['lab', 'up'])).code).toBe(0);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await caravan(['lab', 'down']);
});

type Result = Extract<RunEvent, { type: 'host-result' }>;

/** The results of a play of these tasks, by the name of the task. */
async function play(
  hosts: string,
  tasks: string,
  ...args: string[]
): Promise<Record<string, Result>> {
  const file = join(folder, 'site.yml');
  await writeFile(file, `- hosts: ${hosts}\n  become: true\n  tasks:\n${tasks}`);
  const { output } = await caravan(['run', '-i', INVENTORY, '--output', 'json', ...args, file]);
  const events = output
    .split('\n')
    .filter((line) => line.startsWith('{"'))
    .map((line) => JSON.parse(line) as RunEvent);
  const results = events.flatMap((event) => (event.type === 'host-result' ? [event] : []));
  return Object.fromEntries(results.map((result) => [result.task, result]));
}

function statuses(results: Record<string, Result>): Record<string, string> {
  return Object.fromEntries(Object.entries(results).map(([task, { status }]) => [task, status]));
}

const UNIT = `
    - name: write
      copy:
        dest: /etc/systemd/system/caravan-test.service
        mode: "0644"
        content: |
          [Service]
          ExecStart=/bin/sleep infinity
          [Install]
          WantedBy=multi-user.target
    - { name: start, systemd: { name: caravan-test, daemon_reload: true, state: started, enabled: true } }
    - { name: look, command: systemctl is-active caravan-test, changed_when: false }
`;

test('systemd starts and enables a unit once, and says so before it does', async () => {
  const write = UNIT.slice(0, UNIT.indexOf('    - { name: start'));
  expect(statuses(await play('w1', write))).toEqual({ write: 'changed' });
  const start = '    - { name: start, service: { name: caravan-test, state: started } }\n';
  expect(statuses(await play('w1', start, '--check'))).toEqual({ start: 'changed' });
  expect(statuses(await play('w1', UNIT))).toEqual({ write: 'ok', start: 'changed', look: 'ok' });
  const again = await play('w1', UNIT);
  expect(statuses(again)).toEqual({ write: 'ok', start: 'ok', look: 'ok' });
});

test('systemd restarts, masks, unmasks, disables and stops', async () => {
  const results = await play(
    'w1',
    `
    - { name: before, command: systemctl show -p MainPID caravan-test, changed_when: false }
    - { name: restart, systemd: { name: caravan-test.service, state: restarted } }
    - { name: after, command: systemctl show -p MainPID caravan-test, changed_when: false }
    - { name: disable, systemd: { name: caravan-test, enabled: false } }
    - { name: disable again, systemd: { name: caravan-test, enabled: false } }
    - { name: stop, systemd: { name: caravan-test, state: stopped } }
    - { name: stop again, systemd: { name: caravan-test, state: stopped } }
    - { name: remove, file: { path: /etc/systemd/system/caravan-test.service, state: absent } }
    - { name: mask, systemd: { name: caravan-test, masked: true } , ignore_errors: true }
    - { name: mask timer, systemd: { name: apt-daily.timer, masked: true }, ignore_errors: true }
    - { name: reload, systemd: { daemon_reload: true } }
`,
  );
  expect(statuses(results)).toMatchObject({
    ...{ restart: 'changed', disable: 'changed', 'disable again': 'ok' },
    ...{ stop: 'changed', 'stop again': 'ok', remove: 'changed', reload: 'ok' },
  });
  expect(results['before']?.result?.['stdout']).not.toBe(results['after']?.result?.['stdout']);
});

test('systemd names a unit that is not there', async () => {
  const { start } = await play(
    'w1',
    '    - { name: start, systemd: { name: no-such-unit, state: started } }\n',
  );
  expect(start?.error).toMatchObject({
    kind: 'verify',
    message: 'the host has no unit no-such-unit.service',
  });
});

const KUBECTL = 'kubeconfig: /etc/kubernetes/admin.conf';
const MAP = (value: string): string => `
    - name: apply
      kubectl:
        ${KUBECTL}
        apply: { apiVersion: v1, kind: ConfigMap, metadata: { name: caravan-test, namespace: default }, data: { a: "${value}" } }
`;

test('kubectl applies an object once, shows the difference, and changes nothing in check mode', async () => {
  const checked = await play('cp1', MAP('1'), '--check', '--diff');
  expect(checked['apply']).toMatchObject({
    status: 'changed',
    changes: [{ diff: { path: expect.stringContaining('caravan-test') as string } }],
  });
  expect(checked['apply']?.changes[0]?.diff?.after).toMatch(/^ {2}a: "1"$/m);
  expect(statuses(await play('cp1', MAP('1')))).toEqual({ apply: 'changed' });
  expect(statuses(await play('cp1', MAP('1')))).toEqual({ apply: 'ok' });
  const other = await play('cp1', MAP('2'), '--diff');
  expect(other['apply']?.changes[0]?.diff?.before).toMatch(/^ {2}a: "1"$/m);
  expect(other['apply']?.changes[0]?.diff?.after).toMatch(/^ {2}a: "2"$/m);
});

test('kubectl reads, patches, rolls out, waits, drains and uncordons', async () => {
  const results = await play(
    'cp1',
    `
    - { name: get, kubectl: { ${KUBECTL}, get: configmap/caravan-test, namespace: default } }
    - { name: patch, kubectl: { ${KUBECTL}, patch: configmap/caravan-test, with: { data: { b: x } }, patch_type: merge } }
    - { name: patch again, kubectl: { ${KUBECTL}, patch: configmap/caravan-test, with: { data: { b: x } }, patch_type: merge } }
    - { name: status, kubectl: { ${KUBECTL}, namespace: kube-system, rollout: status daemonset/kube-proxy, options: --timeout=90s } }
    - { name: wait, kubectl: { ${KUBECTL}, wait: --for=condition=Ready node/w2 --timeout=60s } }
    - { name: drain, kubectl: { ${KUBECTL}, drain: w2, options: --force --timeout=90s } }
    - { name: uncordon, kubectl: { ${KUBECTL}, uncordon: w2 } }
    - { name: uncordon again, kubectl: { ${KUBECTL}, uncordon: w2 } }
`,
  );
  expect(statuses(results)).toEqual({
    ...{ get: 'ok', patch: 'changed', 'patch again': 'ok', status: 'ok', wait: 'ok' },
    ...{ drain: 'changed', uncordon: 'changed', 'uncordon again': 'ok' },
  });
  expect(results['get']?.result?.['resources']).toMatchObject([{ data: { a: '2' } }]);
});

test.each([
  [
    'an object that is not there',
    'get: configmap/no-such-map',
    /configmaps "no-such-map" not found/,
  ],
  ['a kind that is not there', 'get: confgmaps', /doesn't have a resource type "confgmaps"/],
  ['a node that is not there', 'drain: w9', /nodes "w9" not found/],
  [
    'a deadline that passes',
    'wait: --for=condition=Never node/w2 --timeout=1s',
    /timed out waiting/,
  ],
  ['a kubeconfig that is not there', 'get: nodes, kubeconfig: /no/such/file', /\/no\/such\/file/],
])('kubectl says what is wrong with %s', async (_name, given, message) => {
  const kubeconfig = given.includes('kubeconfig') ? '' : `, ${KUBECTL}`;
  const { wrong } = await play(
    'cp1',
    `    - { name: wrong, kubectl: { ${given}${kubeconfig} } }\n`,
  );
  expect(wrong?.status).toBe('failed');
  expect(wrong?.error?.message).toMatch(message);
});
