import type { Knob } from '../pki/catalogue.js';

/** The trust states, in the order of a rotation. Forward is rotation, backward is rollback. */
export const STATES = ['old', 'trust-both', 'clients-new', 'servers-new', 'new'] as const;

/** One of {@link STATES}. */
export type TrustState = (typeof STATES)[number];

/** Which certificate authority a thing holds: the old one, the new one, or both. */
export type Holds = 'old' | 'both' | 'new';

/**
 * The three settings that make a state. Who signs client leaves also is the signer of CSRs.
 * A server that shows `both` shows a leaf of the new CA together with the new CA's certificate
 * signed by the old one, so that clients which trust only the old CA still accept it.
 */
export interface Knobs {
  readonly trust: Holds;
  readonly clients: 'old' | 'new';
  readonly servers: Holds;
}

/**
 * The table that the whole rotation rests on. Within one step, whatever is still as it was and
 * whatever is already changed accept each other, so the order of hosts and files breaks no one.
 */
export const STATE_KNOBS: Readonly<Record<TrustState, Knobs>> = {
  old: { trust: 'old', clients: 'old', servers: 'old' },
  'trust-both': { trust: 'both', clients: 'old', servers: 'old' },
  'clients-new': { trust: 'both', clients: 'new', servers: 'old' },
  'servers-new': { trust: 'both', clients: 'new', servers: 'both' },
  new: { trust: 'new', clients: 'new', servers: 'new' },
};

/** What an item of a knob holds in a state. */
export function expected(knob: Knob, state: TrustState): Holds {
  const knobs = STATE_KNOBS[state];
  if (knob === 'trust') return knobs.trust;
  return knob === 'server' ? knobs.servers : knobs.clients;
}
