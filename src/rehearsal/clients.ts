import type { Expectation, Probe, ProbeClient, ProbeTarget } from '../evidence/probe.js';
import type { AuthorityPair, Generation } from '../rotation/authorities.js';
import { trustText } from '../rotation/changes.js';
import { passingLeaf, signing } from '../rotation/leaves.js';
import { STATE_KNOBS, type Holds, type TrustState } from '../rotation/states.js';
import type { Secret } from '../values/secret.js';

/** A kind of client that a real fleet has while it is rotated. */
export interface Population {
  readonly client: ProbeClient;
  readonly trust: Holds;
  /** Whose leaf it shows; undefined: it shows a token. */
  readonly leaf?: Generation;
}

/** Every combination of trust and credentials that the rotation must carry, or must refuse. */
export function populations(pair: AuthorityPair, token: Secret, now: Date): Population[] {
  const leaf = (generation: Generation) => {
    const by = signing(pair[generation], `cluster ${generation}`);
    // kubectl logs and exec are among the calls.
    const who = { commonName: 'caravan-rehearsal', organizations: ['system:masters'] };
    return passingLeaf(by, who, now, 2);
  };
  const of = (trust: Holds, generation: Generation): Population => ({
    trust,
    leaf: generation,
    client: {
      name: `${trust} trust, ${generation} leaf`,
      trust: trustText(pair, trust),
      leaf: leaf(generation),
    },
  });
  return [
    of('old', 'old'),
    of('both', 'old'),
    of('both', 'new'),
    of('new', 'new'),
    {
      trust: 'both',
      client: { name: 'both trust, token', trust: trustText(pair, 'both'), token },
    },
  ];
}

/** Where a walk is: at a state, or between two. */
export interface Phase {
  readonly from: TrustState;
  readonly to: TrustState;
}

/** What must happen to a population at a state: its trust and its leaf must both be good there. */
export function expectedAt({ trust, leaf }: Population, state: TrustState): Expectation {
  const knobs = STATE_KNOBS[state];
  const trusts = trust === 'both' || knobs.servers === 'both' || knobs.servers === trust;
  const trusted = leaf === undefined || knobs.trust === 'both' || knobs.trust === leaf;
  return trusts && trusted ? 'pass' : 'refuse';
}

/** During a step: what holds at both of its ends; where they differ, either. */
export function expectedIn(population: Population, { from, to }: Phase): Expectation {
  const [before, after] = [expectedAt(population, from), expectedAt(population, to)];
  return before === after ? before : 'either';
}

/** Ten probes a second on each target: the populations in turn. */
export function probesOf(targets: readonly ProbeTarget[], clients: readonly Population[]): Probe[] {
  return targets.flatMap((target) =>
    clients.map(({ client }) => ({
      target,
      client,
      call: { kind: 'get' as const, path: '/api/v1/namespaces/default' },
      intervalMs: clients.length * 100,
    })),
  );
}
