import { CaravanError } from '../values/error.js';
import type { Place, Seen } from './matrix.js';
import { expected, STATES, type TrustState } from './states.js';

/**
 * Where a fleet is: at one state, on the way between two neighbours (a step was interrupted), or
 * scattered over more.
 */
export type Position =
  | { readonly kind: 'at'; readonly state: TrustState }
  | { readonly kind: 'between'; readonly from: TrustState; readonly to: TrustState }
  | { readonly kind: 'scattered'; readonly restart: TrustState };

const fits = (place: Place, state: TrustState): boolean =>
  place.seen === expected(place.knob, state);

/**
 * A signer that still shares its file with a bundle: a step was stopped between the two writes.
 * It fits no state, but converging to any state splits or restores it.
 */
const isShared = (place: Place): boolean => place.knob === 'signer' && place.seen === 'both';

/** The places that are not as a state needs them. */
export function deviations(places: readonly Place[], state: TrustState): readonly Place[] {
  return places.filter((place) => !fits(place, state));
}

/**
 * Derives the position from what was seen; never from a file that says so.
 *
 * @throws CaravanError gate: nothing was seen, or some place is in no state at all (foreign,
 * missing), or one place trusts only the old CA while another trusts only the new one, from where
 * no single step is safe. The message names each place.
 */
export function position(places: readonly Place[]): Position {
  if (places.length === 0) throw new CaravanError('gate', 'The survey saw no certificate at all.');
  const lost = places.filter(
    (place) => !STATES.some((state) => fits(place, state)) && !isShared(place),
  );
  if (lost.length > 0) {
    throw new CaravanError(
      'gate',
      `The fleet is in no known trust state: ${lost.map(describePlace).join('; ')}.`,
      { hint: 'Restore these from a backup, or exclude their host, then survey again.' },
    );
  }
  const at = STATES.find((state) => deviations(places, state).length === 0);
  if (at !== undefined) return { kind: 'at', state: at };
  for (const [i, to] of STATES.entries()) {
    const from = STATES[i - 1];
    if (from && places.every((place) => fits(place, from) || fits(place, to))) {
      return { kind: 'between', from, to };
    }
  }
  return { kind: 'scattered', restart: safeRestart(places) };
}

/** With every trust bundle on the way to or at `both`, leaves of either CA are accepted. */
function safeRestart(places: readonly Place[]): TrustState {
  const trusting = (seen: Seen) =>
    places.filter((place) => place.knob === 'trust' && place.seen === seen);
  const [onlyOld, onlyNew] = [trusting('old'), trusting('new')];
  if (onlyNew.length === 0) return 'trust-both';
  if (onlyOld.length === 0) return 'servers-new';
  throw new CaravanError(
    'gate',
    `No single step is safe: only the old CA is trusted by ${onlyOld.map(describePlace).join(', ')}; ` +
      `only the new one by ${onlyNew.map(describePlace).join(', ')}.`,
    { hint: 'Make one side trust both by hand, then survey again.' },
  );
}

/** One place as a message names it: `cp1: kubelet kubeconfig CA (/etc/...) is old`. */
export function describePlace(place: Place): string {
  return `${place.host}: ${place.item} (${place.path}) is ${place.seen}${place.detail ? `, ${place.detail}` : ''}`;
}

/**
 * The states to converge to, one after the other, from a position to a target; empty where there
 * is nothing to do. An interrupted step is finished first when the target lies beyond it, and
 * undone when it lies behind.
 */
export function walk(from: Position, target: TrustState): readonly TrustState[] {
  const goal = STATES.indexOf(target);
  if (from.kind === 'between') {
    const ahead = STATES.indexOf(from.to);
    return goal >= ahead ? STATES.slice(ahead, goal + 1) : STATES.slice(goal, ahead).toReversed();
  }
  const start = STATES.indexOf(from.kind === 'at' ? from.state : from.restart);
  const steps =
    goal >= start ? STATES.slice(start, goal + 1) : STATES.slice(goal, start + 1).toReversed();
  return from.kind === 'at' ? steps.slice(1) : steps;
}
