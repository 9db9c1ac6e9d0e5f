import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Place, Seen } from './matrix.js';
import { expected, STATE_KNOBS, STATES, type TrustState } from './states.js';
import { deviations, position, walk } from './walk.js';

const knobs = ['trust', 'client', 'server', 'signer'] as const;

function place(host: string, knob: (typeof knobs)[number], seen: Seen): Place {
  return { host, item: knob, authority: 'cluster', knob, path: `/${knob}`, seen };
}

const fleetAt = (state: TrustState): Place[] =>
  ['cp1', 'cp2', 'w1'].flatMap((host) =>
    knobs.map((knob) => place(host, knob, expected(knob, state))),
  );

test.each(STATES)('position of a fleet that is at %s is that state', (state) => {
  expect(position(fleetAt(state))).toEqual({ kind: 'at', state });
  expect(deviations(fleetAt(state), state)).toEqual([]);
});

test('position of any mix of two neighbours lies between them, and the walk passes both ways', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: STATES.length - 1 }),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      (i, choice) => {
        const [from, to] = [STATES[i - 1]!, STATES[i]!];
        const [a, b] = [fleetAt(from), fleetAt(to)];
        const mixed = a.map((p, k) => (choice[k] ? p : b[k]!));
        const at = position(mixed);
        if (at.kind === 'at') {
          expect([from, to]).toContain(at.state);
        } else {
          expect(at).toEqual({ kind: 'between', from, to });
          expect(walk(at, 'new')).toEqual(STATES.slice(i));
          expect(walk(at, 'old')).toEqual(STATES.slice(0, i).toReversed());
        }
      },
    ),
  );
});

test('walk from a state lists the neighbours up to the target', () => {
  const at = (state: TrustState) => ({ kind: 'at', state }) as const;
  expect(walk(at('old'), 'new')).toEqual(['trust-both', 'clients-new', 'servers-new', 'new']);
  expect(walk(at('servers-new'), 'old')).toEqual(['clients-new', 'trust-both', 'old']);
  expect(walk(at('new'), 'new')).toEqual([]);
});

test('position names each place that is in no state', () => {
  const places = [...fleetAt('old'), place('w2', 'client', 'foreign')];
  expect(() => position(places)).toThrow(/w2: client \(\/client\) is foreign/);
});

test('position of a host that was left far behind starts again where all trust is compatible', () => {
  const places = [
    ...fleetAt('clients-new'),
    place('w2', 'trust', 'old'),
    place('w2', 'client', 'old'),
  ];
  expect(position(places)).toEqual({ kind: 'scattered', restart: 'trust-both' });
  expect(walk(position(places), 'new')).toEqual([
    'trust-both',
    'clients-new',
    'servers-new',
    'new',
  ]);
});

test('position of a host that was left far ahead starts again where all trust is compatible', () => {
  const places = [...fleetAt('new'), place('w2', 'trust', 'both'), place('w2', 'client', 'old')];
  expect(position(places)).toEqual({ kind: 'scattered', restart: 'servers-new' });
});

test('whatever two neighbouring states mix, each accepts what the other shows', () => {
  const accepts = (trust: string, shown: string) =>
    trust === 'both' || shown === 'both' || trust === shown;
  for (const [i, to] of STATES.slice(1).entries()) {
    const mixed = [STATE_KNOBS[STATES[i]!], STATE_KNOBS[to]];
    for (const { trust } of mixed) {
      for (const { clients, servers } of mixed) {
        expect(accepts(trust, clients)).toBe(true);
        expect(accepts(trust, servers)).toBe(true);
      }
    }
  }
});

test('who trusts the old CA alone is served up to the last state, and not in it', () => {
  const served = STATES.filter((state) => STATE_KNOBS[state].servers !== 'new');
  expect(served).toEqual(STATES.slice(0, -1));
  expect(STATE_KNOBS.new).toEqual({ trust: 'new', clients: 'new', servers: 'new' });
});

test('position refuses where only the old and only the new CA are trusted at once', () => {
  const places = [...fleetAt('new'), place('w2', 'trust', 'old')];
  expect(() => position(places)).toThrow(/No single step is safe.*w2/);
});

test('position of a signer that still shares its file with the bundle converges to trust-both', () => {
  const places = [
    ...fleetAt('trust-both').filter((p) => p.knob !== 'signer'),
    place('cp1', 'signer', 'both'),
  ];
  expect(walk(position(places), 'old')).toEqual(['trust-both', 'old']);
});
