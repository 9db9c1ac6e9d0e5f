import type { AuthorityName, Knob } from '../pki/catalogue.js';
import type { Certificate } from '../pki/certificate.js';
import type { AuthorityPair } from './authorities.js';

/** What a place holds. `foreign`: neither CA; `missing`: nothing. */
export type Seen = 'old' | 'both' | 'new' | 'foreign' | 'missing';

/** One trust bundle or leaf on one host (or in the API, host `API`), and what was seen there. */
export interface Place {
  readonly host: string;
  /** Name in the catalogue, or of the object. */
  readonly item: string;
  readonly authority: AuthorityName;
  readonly knob: Knob;
  readonly path: string;
  readonly seen: Seen;
  /** What else there is to say, e.g. that the process has not read the file yet. */
  readonly detail?: string;
}

/** What a trust bundle holds of a pair of authorities. Certificates of others do not count. */
export function seenInBundle(bundle: readonly Certificate[], pair: AuthorityPair): Seen {
  if (bundle.length === 0) return 'missing';
  const holds = (ca: Certificate | undefined): boolean =>
    ca !== undefined && bundle.some((c) => c.fingerprintSha256 === ca.fingerprintSha256);
  const [old, next] = [holds(pair.old.certificate), holds(pair.new?.certificate)];
  if (old && next) return 'both';
  if (old) return 'old';
  return next ? 'new' : 'foreign';
}

/** The matrix as printed and reported: a row an item, a column a host. */
export interface Matrix {
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly item: string;
    readonly authority: AuthorityName;
    readonly kind: Knob;
    readonly cells: Readonly<Record<string, Seen | '-'>>;
  }[];
}

/** Arranges places by item and host; where one host has several of an item, the odd one shows. */
export function toMatrix(places: readonly Place[]): Matrix {
  const columns = [...new Set(places.map((place) => place.host))];
  const items = [...new Set(places.map((place) => place.item))];
  return {
    columns,
    rows: items.map((item) => {
      const here = places.filter((place) => place.item === item);
      const [first] = here as [Place, ...Place[]];
      const cells = columns.map((host): [string, Seen | '-'] => {
        const seen = new Set(here.filter((p) => p.host === host).map((p) => p.seen));
        const [only] = seen;
        return [host, seen.size > 1 ? 'foreign' : (only ?? '-')];
      });
      return {
        item,
        authority: first.authority,
        kind: first.knob,
        cells: Object.fromEntries(cells),
      };
    }),
  };
}
