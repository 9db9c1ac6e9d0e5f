import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { RehearsalResult } from '../../src/rehearsal/result.js';

const CARAVAN = new URL('../../bin/caravan.js', import.meta.url).pathname;
const FLEET = ['-i', 'inventory/lab/hosts.yml'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
}

/** Runs the built command as a user does; its progress goes to this process's standard error. */
function caravan(args: readonly string[], killWhen?: (line: string) => boolean): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CARAVAN, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      stdout += part;
      if (killWhen && part.split('\n').some(killWhen)) child.kill('SIGKILL');
    });
    child.once('close', (code) => {
      resolve({ code, stdout });
    });
  });
}

interface SurveyLine {
  readonly position: { readonly kind: string; readonly state?: string };
}

async function position(): Promise<SurveyLine['position']> {
  const { stdout } = await caravan(['survey', ...FLEET, '--output', 'json']);
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return (JSON.parse(last) as SurveyLine).position;
}

// One test after the other, on one cluster: it is the slowest thing here to make.
test('rehearse rotates a real cluster there and back without a failed request', async () => {
  const { code, stdout } = await caravan(['rehearse', '--install', '--keep', '--output', 'json']);
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as RehearsalResult;
  console.log(JSON.stringify(result, null, 2));
  expect(result).toMatchObject({
    ok: true,
    kubernetes: 'v1.36.3',
    probes: { balancer: { failed: 0 } },
    restarts: { 'kube-apiserver': 0 },
    leftovers: 0,
  });
  expect(result.probes.balancer.total).toBeGreaterThanOrEqual(3000);
  for (const component of ['kube-controller-manager', 'kube-scheduler', 'kubelet'] as const) {
    expect(result.restarts[component]).toBeLessThanOrEqual(3);
    // Fewer would mean that what a rotation must restart was not seen at all.
    expect(result.restarts[component]).toBeGreaterThanOrEqual(1);
  }
  expect(readFileSync(result.report.html, 'utf8')).toContain('servers-new');
  expect(code).toBe(0);
});

test('rotate that is killed in the middle of every state ends where an undisturbed one does', async () => {
  expect(await position()).toEqual({ kind: 'at', state: 'new' });
  const rotate = ['rotate', ...FLEET, '--to', 'new'];
  // One in each state: with one control plane done, or with all of them and no worker.
  const moments = [
    /PLAY \[trust-both: control planes.* cp2/,
    /PLAY \[clients-new: workers/,
    /PLAY \[servers-new: control planes.* cp2/,
    /PLAY \[new: workers/,
  ];
  for (const [i, moment] of moments.entries()) {
    const { code } = await caravan(i === 0 ? [...rotate, '--begin'] : rotate, (line) =>
      moment.test(line),
    );
    expect(code).toBeNull();
  }
  expect((await caravan(rotate)).code).toBe(0);
  expect(await position()).toEqual({ kind: 'at', state: 'new' });
  // And nothing is left to do.
  const again = await caravan([...rotate, '--plan']);
  expect(again.stdout).toContain('Nothing to do');
});

test('lab down leaves nothing behind', async () => {
  expect((await caravan(['lab', 'down'])).code).toBe(0);
  expect(execFileSync('ip', ['link'], { encoding: 'utf8' })).not.toMatch(/cvn/);
  expect(readFileSync('/proc/mounts', 'utf8')).not.toMatch(/caravan\/lab/);
});
