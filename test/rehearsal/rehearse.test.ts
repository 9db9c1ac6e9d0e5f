import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportData } from '../../src/evidence/report.js';
import type { RehearsalResult } from '../../src/rehearsal/result.js';
import { caravan, onHost } from './command.js';
import { foreignState, inventoryWith, NEW_CAS, newCaFolder } from './bad-input.js';

// One test after the other, on one cluster: it is the slowest thing here to make.

const INVENTORY = 'inventory/lab/hosts.yml';
const NODES = ['cp1', 'cp2', 'cp3', 'w1', 'w2'];

test('rehearse rotates a real cluster there and back and there, and no request fails', async () => {
  const ended = await caravan(['rehearse', '--install', '--keep', '--output', 'json']);
  const result = JSON.parse(ended.output.split('\n').at(-1) ?? '') as RehearsalResult;
  const report = JSON.parse(readFileSync(result.report.json, 'utf8')) as ReportData;
  console.log(JSON.stringify(result, null, 2));
  console.log(report.probes.violations);
  expect(report.checks.filter((check) => !check.ok)).toEqual([]);
  expect(result).toMatchObject({
    ok: true,
    kubernetes: 'v1.36.3',
    probes: { balancer: { failed: 0 } },
    restarts: { 'kube-apiserver': 0 },
    leftovers: 0,
  });
  expect(ended.code).toBe(0);
  expect(result.probes.balancer.total).toBeGreaterThanOrEqual(3000);
  for (const call of ['get', 'logs', 'exec']) {
    expect(report.probes.byCall[call]?.passed).toBeGreaterThan(100);
  }
  for (const component of ['kube-controller-manager', 'kube-scheduler', 'kubelet'] as const) {
    expect(result.restarts[component]).toBeLessThanOrEqual(3);
    // Fewer would mean that what a rotation must restart was not seen at all.
    expect(result.restarts[component]).toBeGreaterThanOrEqual(1);
  }
  expect(readFileSync(result.report.html, 'utf8')).toContain('servers-new');
});

/** Digests of all that a rotation may touch on a host, and the names of all files. */
async function files(host: string, folder: string): Promise<string> {
  return onHost(host, `cd ${folder} && find . -type f -exec sha256sum {} + | sort -k 2`);
}

/** Loses the state folder in mid-rotation: it is filled again from what control planes keep. */
async function loseStateFolder(folder: string): Promise<void> {
  const lost = `${folder}.lost`;
  await rename(folder, lost);
  const without = await caravan(['rotate', '-i', INVENTORY], { withErrors: true });
  expect(without.code).toBe(2);
  expect(without.output).toMatch(/ca\.crt holds 2 certificates.*knows nothing of/);
  expect(without.output).toMatch(/hint: .*--recover/);
  const recover = ['rotate', '-i', INVENTORY, '--recover'];
  expect((await caravan(recover)).code).toBe(0);
  for (const name of ['cluster', 'front-proxy'])
    for (const file of ['old.crt', 'old.key', 'new.crt', 'new.key']) {
      const path = join('authorities', name, file);
      expect(await readFile(join(folder, path))).toEqual(await readFile(join(lost, path)));
    }
  const again = await caravan(recover, { withErrors: true });
  expect(again.output).toMatch(/has its authorities/);
  await rm(lost, { recursive: true });
}

test('a second rotation that is killed in every state ends where an undisturbed one does', async () => {
  const manifests = await files('cp2', '/etc/kubernetes/manifests');
  // Seen by the test alone: the first bytes of each key, as patterns of grep.
  const keys = await Promise.all(
    ['cluster/old', 'cluster/new', 'front-proxy/old', 'front-proxy/new'].map(async (name) => {
      const text = await readFile(`inventory/lab/.caravan/authorities/${name}.key`, 'utf8');
      return text.split('\n')[2] ?? '';
    }),
  );
  await onHost('cp2', 'cat > /run/argv-patterns', keys.join('\n'));
  await onHost(
    'cp2',
    'systemd-run --quiet --unit=argv-watch sh -c "while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr \\\\000 \\\\n | grep -qFf /run/argv-patterns && touch /run/argv-seen; sleep 0.2; done"',
  );
  const rotate = ['rotate', '-i', INVENTORY, '--to', 'new'];
  const moments = [
    [/PLAY \[trust-both: control planes.* cp2/, /TASK \[Flags, and restarts/],
    [/PLAY \[clients-new: workers/],
    [/PLAY \[servers-new: control planes.* cp2/],
    [/PLAY \[new: workers/],
  ];
  for (const [index, killAt] of moments.entries()) {
    const begin = index === 0 ? ['--begin'] : [];
    const { code, output } = await caravan([...rotate, ...begin], { killAt });
    for (const line of killAt) expect(output).toMatch(line);
    expect(code).toBeNull();
    if (index === 1) await loseStateFolder('inventory/lab/.caravan');
  }
  expect((await caravan(rotate)).code).toBe(0);
  const survey = await caravan(['survey', '-i', INVENTORY, '--output', 'json']);
  expect(JSON.parse(survey.output.split('\n').at(-1) ?? '')).toMatchObject({
    position: { kind: 'at', state: 'new' },
    stale: [],
  });
  expect((await caravan([...rotate, '--plan'])).output).toContain('Nothing to do');

  expect(await files('cp2', '/etc/kubernetes/manifests')).toBe(manifests);
  for (const host of NODES) {
    const odd = "find /etc/kubernetes /var/lib/kubelet -xdev -name '*caravan*' -o -name '.*.tmp'";
    expect(await onHost(host, odd)).toBe('');
    expect(await onHost(host, 'iptables -S | grep -c "dport 10250"; true')).toBe('0');
    const readable = 'find /etc/kubernetes /var/lib/kubelet/pki -type f -perm /o+r';
    expect(await onHost(host, `${readable} -exec grep -l "PRIVATE KEY" {} +; true`)).toBe('');
  }
  expect(await onHost('w1', 'find / -xdev -name "ca.key"')).toBe('');
  expect(await onHost('cp2', 'systemctl stop argv-watch; ls /run | grep argv')).toBe(
    'argv-patterns',
  );
  const logs = await onHost('cp2', 'journalctl | grep -cFf /run/argv-patterns; true');
  expect(logs).toBe('0');
  const journal = await readFile('inventory/lab/.caravan/journal.jsonl', 'utf8');
  for (const key of keys) expect(journal).not.toContain(key);
  expect(journal).not.toContain('PRIVATE KEY');
});

describe('bad input is refused before anything changes', () => {
  let folder: string;
  let before: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'caravan-bad-input-'));
    before = await Promise.all(NODES.map((host) => files(host, '/etc/kubernetes')));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
    expect(await Promise.all(NODES.map((host) => files(host, '/etc/kubernetes')))).toEqual(before);
  });

  /** With a state folder that knows nothing, the fleet stands at `old`, so there is much to do. */
  async function refused(args: readonly string[], said: readonly RegExp[]): Promise<void> {
    const state = args.includes('--state') ? [] : ['--state', join(folder, 'empty')];
    const run = ['rotate', '--to', 'trust-both', ...state, ...args];
    const { code, output } = await caravan(run, { withErrors: true });
    expect(code).not.toBe(0);
    expect(code).not.toBeNull();
    for (const words of said) expect(output).toMatch(words);
    expect(output).toMatch(/hint: \S/);
    expect(output).not.toMatch(/^ +changed/m);
  }

  test.each(NEW_CAS)('a new CA that is $problem', async ({ make, said }) => {
    const newCa = await newCaFolder(folder, make);
    await refused(['-i', INVENTORY, '--new-ca', newCa], said);
  });

  test('a new CA that has the name of the old one', async () => {
    const shown = 'openssl x509 -in /etc/kubernetes/pki/ca.crt -noout -subject -nameopt RFC2253';
    const name = (await onHost('cp1', shown)).replace('subject=', '');
    const newCa = await newCaFolder(folder, { subject: `/${name}` });
    await refused(['-i', INVENTORY, '--new-ca', newCa], [/has the name of the old one/]);
  });

  test('the state folder of another cluster', async () => {
    const state = await foreignState(folder);
    await refused(
      ['-i', INVENTORY, '--state', state],
      [/of another cluster/, /CN=elsewhere/, /on cp1 holds/, /--state/],
    );
  });

  test('an inventory without a control plane', async () => {
    const path = await inventoryWith(folder, (all) => {
      delete all.children['control_plane'];
    });
    await refused(['-i', path], [/control plane/]);
  });

  test('a node of the cluster that is not in the inventory, unless it is named', async () => {
    const path = await inventoryWith(folder, (all) => {
      delete all.children['workers']?.hosts['w2'];
    });
    await refused(['-i', path], [/not in the inventory: w2/, /--without-node/]);
    const named = ['--plan', '--without-node', 'w2', '--state', join(folder, 'empty')];
    const { code } = await caravan(['rotate', '-i', path, ...named], { withErrors: true });
    expect(code).toBe(0);
  });

  test('nothing, but nothing is changed: a dry run of the first step', async () => {
    const state = join(folder, 'dry');
    const args = ['--check', '--diff', '--state', state];
    const { code, output } = await caravan(['rotate', '-i', INVENTORY, ...args]);
    expect(output).toMatch(/Trust bundles/);
    expect(output).toMatch(/pki\/ca\.crt: .*: old → both/);
    expect(code).toBe(0);
    expect(existsSync(join(state, 'authorities'))).toBe(false);
  });

  test('a host that is not there', async () => {
    const path = await inventoryWith(folder, (all) => {
      const { workers } = all.children;
      if (workers) workers.hosts['w9'] = { ansible_host: '10.89.0.99' };
    });
    await refused(['-i', path], [/w9/, /10\.89\.0\.99/]);
  });

  test('a host with the key of another', async () => {
    const known = (await readFile('inventory/lab/known_hosts', 'utf8'))
      .replaceAll('cp2,10.89.0.12 ', 'was ')
      .replaceAll('cp1,10.89.0.11 ', 'cp2,10.89.0.12 ');
    await writeFile(join(folder, 'known_hosts'), known);
    const path = await inventoryWith(folder, (all) => {
      all.vars['ansible_ssh_common_args'] = `-o UserKnownHostsFile=${join(folder, 'known_hosts')}`;
    });
    await refused(['-i', path], [/cp2/, /host.key/i]);
  });

  test('a wrong password for sudo', async () => {
    await onHost(
      'w1',
      'useradd -m -s /bin/sh asks && echo asks:right | chpasswd && echo "asks ALL=(ALL) ALL" > /etc/sudoers.d/asks',
    );
    try {
      const path = await inventoryWith(folder, (all) => {
        const { workers } = all.children;
        if (workers) {
          Object.assign(workers.hosts['w1'] ?? {}, {
            ansible_user: 'asks',
            ansible_become_password: 'not-right',
          });
        }
      });
      await refused(['-i', path], [/w1/, /sudo|become/i, /password/]);
    } finally {
      await onHost('w1', 'userdel -r asks 2>/dev/null; rm /etc/sudoers.d/asks');
    }
  });

  test('a clock that is more than five minutes off', async () => {
    // All hosts of the lab share one clock; this host's shell is told another time.
    await onHost(
      'w2',
      'printf "%s\\n" "#!/bin/sh" "exec /bin/date -d \\"+400 seconds\\" \\"\\$@\\"" > /usr/local/bin/date && chmod 755 /usr/local/bin/date',
    );
    try {
      await refused(['-i', INVENTORY], [/w2/, /400 s ahead/, /at most 300 s/]);
    } finally {
      await onHost('w2', 'rm /usr/local/bin/date');
    }
  });
});

test('lab down leaves nothing behind', async () => {
  expect((await caravan(['lab', 'down'])).code).toBe(0);
  expect(execFileSync('ip', ['link'], { encoding: 'utf8' })).not.toMatch(/cvn/);
  expect(readFileSync('/proc/mounts', 'utf8')).not.toMatch(/caravan\/lab/);
});
