import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventSink } from '../engine/events.js';
import type { RunOutcome } from '../engine/options.js';
import { connectOnce, type Probe, type ProbeSummary, type ProbeTarget } from '../evidence/probe.js';
import { startProbeWorker } from '../evidence/probe-worker.js';
import { connectionTarget } from '../inventory/connection.js';
import type { Inventory } from '../inventory/inventory.js';
import { kubernetesGroups } from '../inventory/kubernetes-groups.js';
import { loadInventory } from '../inventory/load.js';
import type { LabDescription } from '../lab/types.js';
import { parseCertificates } from '../pki/certificate.js';
import { AuthorityStore } from '../rotation/authorities.js';
import { pairOf } from '../rotation/changes.js';
import { readHostSurvey } from '../rotation/host-survey.js';
import { runRotation } from '../rotation/rotate.js';
import type { TrustState } from '../rotation/states.js';
import type { Position } from '../rotation/walk.js';
import type { Connection, Transport } from '../transport/port.js';
import type { Clock } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import { populations, probesOf, type Population } from './clients.js';
import { differences, fileDigests } from './files.js';
import {
  applyKubeletProbePods,
  applyLoads,
  callerToken,
  kubeletProbeCalls,
  workloadGenerations,
} from './practice.js';
import { RestartWatch } from './restarts.js';
import { ENOUGH_PROBES, type Check } from './result.js';
import { WalkWatch, type WalkStep } from './walk-watch.js';

/** kubectl waits for as long as it takes; a call that is held comes after 1, 3 or 7 s. */
const HELD_MS = 15_000;

/** What a rehearsal needs from outside. */
export interface RehearsalContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Receives the events of every run, for a view and the journal. */
  readonly emit: EventSink;
  /** One line for the person who watches. */
  readonly say: (line: string) => void;
}

/** One walk, as it was seen. */
export interface RehearsedWalk {
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly steps: readonly WalkStep[];
}

/** All that one round was seen to do. */
export interface RehearsedRound {
  readonly walks: readonly RehearsedWalk[];
  readonly restarts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly workloadRestarts: Readonly<Record<string, number>>;
  readonly probes: ProbeSummary;
  readonly leftovers: readonly string[];
  readonly checks: readonly Check[];
}

/** A fleet to rehearse on, connected. */
export class Rehearsal {
  private constructor(
    readonly lab: LabDescription,
    readonly inventory: Inventory,
    readonly store: AuthorityStore,
    readonly connections: readonly Connection[],
    readonly context: RehearsalContext,
  ) {}

  /** Connects to every node of a lab that is up. */
  static async open(lab: LabDescription, context: RehearsalContext): Promise<Rehearsal> {
    const inventory = await loadInventory([lab.inventory]);
    const { controlPlane, workers } = kubernetesGroups(inventory);
    const connections = await Promise.all(
      [...controlPlane, ...workers].map((host) =>
        context.transport.connect(connectionTarget(host)),
      ),
    );
    const store = new AuthorityStore(join(lab.inventoryFolder, '.caravan'));
    return new Rehearsal(lab, inventory, store, connections, context);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
  }

  get #controlPlane(): Connection {
    const [first] = this.connections;
    if (!first) throw new CaravanError('input', 'The lab has no control plane.');
    return first;
  }

  /**
   * Gets ready for a round: the loads run, and the fleet stands at `old`. A rehearsal that was
   * killed is found wherever it was and walked back; one that finished begins another rotation.
   */
  async prepare(): Promise<void> {
    const { clock, signal, say } = this.context;
    await this.#forgetOtherCluster();
    say('practice loads');
    await applyLoads(this.#controlPlane, clock, signal);
    await applyKubeletProbePods(this.#controlPlane, signal);
    const at = await this.#position();
    if (at?.kind === 'at' && at.state === 'new') await this.store.begin();
    else if (at && !(at.kind === 'at' && at.state === 'old')) {
      say('an earlier rehearsal was stopped; going back to old first');
      await this.#run({ to: 'old' });
    }
    await this.#run({ to: 'new', playbook: 'prepare' });
  }

  /** There and back, and there: `old` to `servers-new` to `old` to `new`, probed all the while. */
  async round(): Promise<RehearsedRound> {
    const { clock, signal, say } = this.context;
    const pair = pairOf(await this.store.load(), 'cluster');
    const token = await callerToken(this.#controlPlane, signal);
    const clients = populations(pair, token, clock.now());
    const probes = await startProbeWorker(await this.#probes(clients));
    const restarts = new RestartWatch(this.connections, clock);
    const before = await this.#digests();
    await probes.start();
    const walks: RehearsedWalk[] = [];
    const leftovers = new Set<string>();
    const tlsErrors: string[] = [];
    const walk = async (to: TrustState, name: string): Promise<void> => {
      say(`walk ${name}`);
      const watch = new WalkWatch(probes, clients, name);
      const startedAt = clock.now().toISOString();
      const { seconds } = await this.#run({ to, watch });
      for (const found of watch.leftovers) leftovers.add(found);
      tlsErrors.push(...watch.tlsErrors);
      walks.push({ name, startedAt, seconds, steps: watch.steps });
    };
    try {
      await walk('servers-new', 'old → servers-new');
      await walk('old', 'servers-new → old');
      const changed = differences(before, await this.#digests());
      const generations = await workloadGenerations(this.#controlPlane, signal);
      await restarts.start();
      await walk('new', 'old → new');
      await restarts.stop();
      const after = await workloadGenerations(this.#controlPlane, signal);
      // Long enough to see that what must be refused is refused on every target; on a fast machine
      // the walks are over before there are enough probes.
      do await clock.sleep(5_000, signal);
      while (((await probes.summary()).byKind['balancer']?.total ?? 0) < ENOUGH_PROBES);
      await probes.stop();
      return {
        walks,
        restarts: restarts.counts(),
        workloadRestarts: Object.fromEntries(
          Object.entries(after).map(([name, count]) => [
            name,
            count - (generations[name] ?? count),
          ]),
        ),
        probes: await probes.summary(),
        leftovers: [...leftovers],
        checks: [
          {
            name: 'rolled back byte for byte',
            ok: changed.length === 0,
            detail: changed.length === 0 ? 'every file has its first bytes' : changed.join(', '),
          },
          {
            name: 'no TLS error in the logs of what runs',
            ok: tlsErrors.length === 0,
            detail: tlsErrors.join('; ').slice(0, 2_000) || 'none',
          },
          ...(await this.#refusals(clients)),
        ],
      };
    } finally {
      await probes.stop();
    }
  }

  async #run(options: {
    to: TrustState;
    playbook?: 'rotate-ca' | 'survey' | 'prepare';
    watch?: WalkWatch;
  }): Promise<RunOutcome> {
    const { transport, clock, signal, emit } = this.context;
    const { to, playbook, watch } = options;
    const outcome = await runRotation({
      inventory: this.inventory,
      store: this.store,
      transport,
      clock,
      signal,
      to,
      forks: 10,
      ...(playbook && { playbook }),
      emit: (event) => {
        watch?.sink(event);
        emit(event);
      },
    });
    const [failure] = outcome.failures;
    if (outcome.outcome === 'ok') return outcome;
    throw new CaravanError(
      outcome.outcome === 'cancelled' ? 'cancelled' : (failure?.error.kind ?? 'verify'),
      failure
        ? `${failure.task}: ${failure.error.message}`
        : `The walk to ${to} ended: ${outcome.outcome}.`,
      {
        ...(failure && { host: failure.host, task: failure.task, source: failure.source }),
        hint:
          failure?.error.hint ?? 'Run the same command again: it goes on from where the fleet is.',
      },
    );
  }

  /** Where an earlier rehearsal left the fleet; undefined where none was begun. */
  async #position(): Promise<Position | undefined> {
    if (!(await this.store.load()).cluster?.new) return undefined;
    const { facts } = await this.#run({ to: 'old', playbook: 'survey' });
    for (const vars of facts.values()) {
      if (vars['position'] !== undefined) return vars['position'] as Position;
    }
    return undefined;
  }

  /** A lab that was made anew has another CA; the state folder of the one before is of no use. */
  async #forgetOtherCluster(): Promise<void> {
    const { cluster } = await this.store.load();
    if (!cluster) return;
    const survey = await readHostSurvey(this.#controlPlane);
    const held = survey.items
      .filter(({ item }) => item.name === 'kube-apiserver client CA')
      .flatMap(({ pem }) => parseCertificates(pem).map((c) => c.fingerprintSha256));
    const known = [cluster.old, cluster.new].map((a) => a?.certificate.fingerprintSha256);
    if (!held.some((fingerprint) => known.includes(fingerprint))) {
      await rm(this.store.folder, { recursive: true });
    }
  }

  async #digests(): Promise<ReadonlyMap<string, string>> {
    const each = await Promise.all(this.connections.map(fileDigests));
    return new Map(each.flatMap((digests) => [...digests]));
  }

  #targets(): ProbeTarget[] {
    const { balancer, hosts } = this.lab;
    return [
      { name: 'balancer', kind: 'balancer', servername: 'kubernetes', ...balancer },
      ...hosts
        .filter((host) => host.role === 'control_plane')
        .map(({ name, address }): ProbeTarget => ({
          name,
          kind: 'direct',
          address,
          port: 6443,
          servername: 'kubernetes',
        })),
    ];
  }

  async #probes(clients: readonly Population[]): Promise<Probe[]> {
    const calls = await kubeletProbeCalls(this.#controlPlane, this.context.signal);
    const steady = clients.find(({ leaf }) => leaf === undefined);
    const throughKubelets = this.#targets().flatMap((target) =>
      calls.flatMap((call): Probe[] =>
        steady
          ? [{ target, client: steady.client, call, intervalMs: 15_000, deadlineMs: HELD_MS }]
          : [],
      ),
    );
    return [...probesOf(this.#targets(), clients), ...throughKubelets];
  }

  /** After `new`: the old leaf and the old trust are refused by, and refuse, every API server. */
  async #refusals(clients: readonly Population[]): Promise<Check[]> {
    const call = { kind: 'get', path: '/version' } as const;
    const checks: Check[] = [];
    for (const target of this.#targets().filter(({ kind }) => kind === 'direct')) {
      for (const { client, trust, leaf } of clients) {
        const refused = trust === 'old' || leaf === 'old';
        const { kind, reason } = await connectOnce(target, client, call);
        checks.push({
          name: `at new, ${target.name}: ${client.name}`,
          ok: refused
            ? kind === 'refused-by-server' || kind === 'refused-by-client'
            : kind === 'pass',
          detail: reason || kind,
        });
      }
    }
    return checks;
  }
}
