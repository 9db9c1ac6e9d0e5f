import type { CellState, Matrix, ReportData } from '../../src/evidence/report.js';
import type { Probe, OutcomeKind } from '../../src/evidence/probe.js';
import { ProbeTally } from '../../src/evidence/probe-tally.js';

const START = Date.parse('2026-03-01T09:00:00.000Z');
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const HOSTS = ['cp1', 'cp2', 'cp3', 'worker1', 'worker2', 'API'];

function matrix(trust: CellState, clients: CellState, servers: CellState): Matrix {
  const on = (state: CellState, hosts: string[]) =>
    Object.fromEntries(HOSTS.map((host) => [host, hosts.includes(host) ? state : '-'] as const));
  const [planes, nodes] = [HOSTS.slice(0, 3), HOSTS.slice(0, 5)];
  const row = (item: string, kind: string, cells: Record<string, CellState>) => ({
    ...{ item, kind, cells },
    authority:
      item.startsWith('front') || item.startsWith('requestheader') ? 'front-proxy' : 'cluster',
  });
  return {
    columns: HOSTS,
    rows: [
      row('kube-apiserver --client-ca-file', 'trust', on(trust, planes)),
      row('kube-controller-manager --root-ca-file', 'trust', on(trust, planes)),
      row('kubelet clientCAFile', 'trust', on(trust, nodes)),
      row('kubelet.conf', 'trust', on(trust, nodes)),
      row('apiserver.crt', 'server leaf', on(servers, planes)),
      row('apiserver-kubelet-client.crt', 'client leaf', on(clients, planes)),
      row('kubelet-client-current.pem', 'client leaf', on(clients, nodes)),
      row('kube-root-ca.crt, 5 namespaces', 'trust', on(trust, ['API'])),
      row('requestheader-client-ca-file', 'trust', on(trust, planes)),
      row('front-proxy-client.crt', 'client leaf', on(clients, planes)),
    ],
  };
}

const old = matrix('old', 'old', 'old');
const both = matrix('both', 'old', 'old');
const clients = matrix('both', 'new', 'old');
const servers = matrix('both', 'new', 'new');
const done = matrix('new', 'new', 'new');

/** Ten probes a second at each of four targets, with one API server away for 41 seconds. */
function probes(violations: number) {
  const tally = new ProbeTally();
  const phases: [string, number][] = [
    ['old', 0],
    ['trust-both', 20],
    ['clients-new', 80],
    ['servers-new', 140],
    ['new', 150],
  ];
  const probe = (target: string, client: string): Probe => ({
    target: {
      name: target,
      kind: target === 'balancer' ? 'balancer' : 'direct',
      ...{ address: '10.0.0.1', port: 6443, servername: 'kubernetes' },
    },
    client: { name: client, trust: '' },
    call: { kind: 'get', path: '/version' },
    intervalMs: 500,
  });
  tally.start(new Date(START));
  for (let second = 0; second < 220; second += 1) {
    const phase = phases.filter(([, from]) => from <= second).at(-1)!;
    if (phase[1] === second) tally.phase(phase[0], new Date(START + second * 1000));
    for (const target of ['balancer', 'cp1', 'cp2', 'cp3']) {
      const away = target === 'cp2' && second > 95 && second < 136;
      for (const client of ['both, old leaf', 'both, new leaf', 'both, token']) {
        for (let i = 0; i < 3; i += 1) {
          const refused =
            (client === 'both, old leaf' && second >= 206) ||
            (client === 'both, new leaf' && second < 60);
          const kind: OutcomeKind = away ? 'error' : refused ? 'refused-by-server' : 'pass';
          const reason = away ? 'connect ECONNREFUSED (waiting for TCP connect)' : 'HTTP 401';
          const violated =
            violations > 0 && target === 'balancer' && second === 100 && i < violations;
          tally.add({
            probe: probe(target, client),
            phase: phase[0],
            expected: violated ? 'pass' : 'either',
            sentAt: new Date(START + second * 1000 + i * 300),
            outcome: violated
              ? { kind: 'error', reason: 'read ECONNRESET', ms: 3 }
              : { kind, reason, ms: 4 + (second % 19) },
          });
        }
      }
    }
  }
  tally.end(new Date(START + 220_000));
  return tally.summary();
}

/** What a rotation of three control planes and two workers looks like. */
export function sampleReport(violations = 0): ReportData {
  return {
    title: 'Rotation of the cluster CA and the front-proxy CA',
    cluster: 'rehearsal (3 control planes, 2 workers)',
    kubernetesVersion: 'v1.36.3',
    startedAt: at(0),
    endedAt: at(220),
    walks: [
      {
        name: 'old → new',
        steps: [
          { state: 'trust-both', seconds: 56, matrixBefore: old, matrixAfter: both },
          { state: 'clients-new', seconds: 54, matrixBefore: both, matrixAfter: clients },
          { state: 'servers-new', seconds: 0.5, matrixBefore: clients, matrixAfter: servers },
          { state: 'new', seconds: 55, matrixBefore: servers, matrixAfter: done },
        ],
      },
    ],
    restarts: {
      'kube-apiserver': { cp1: 0, cp2: 0, cp3: 0 },
      'kube-controller-manager': { cp1: 3, cp2: 3, cp3: 3 },
      kubelet: { cp1: 3, cp2: 3, cp3: 3, worker1: 3, worker2: 3 },
    },
    probes: probes(violations),
    events: [
      { at: at(20), what: 'trust-both begins' },
      { at: at(80), what: 'clients-new begins' },
      { at: at(96), what: 'kube-apiserver of cp2 restarts' },
      { at: at(206), what: 'the old CA is trusted no more' },
    ],
    checks: [
      { name: 'The balancer answers throughout', ok: true, detail: '0 of 1,980 probes failed' },
      { name: 'CA count of every bundle goes 1, 2, 1', ok: true, detail: '34 bundles' },
      { name: 'Old clients are refused after new', ok: true, detail: '2,135 of 2,135 got 401' },
    ],
    leftovers: [],
    notes: ['cloud-controller-manager: there is none.', 'etcd CA was not rotated.'],
  };
}
