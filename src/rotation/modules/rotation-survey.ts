import * as z from 'zod';
import { nameOf, type Workload } from '../../kubernetes/workloads.js';
import type { TaskModule } from '../../modules/module.js';
import { AUTHORITY_NAMES } from '../../pki/catalogue.js';
import type { Json, JsonObject } from '../../values/json.js';
import { CaravanError } from '../../values/error.js';
import { apiPlaces, unreadable } from '../api-places.js';
import { readApi, readSettled, unreadyOf } from '../api-survey.js';
import type { Authorities, AuthorityStore } from '../authorities.js';
import { placesOf } from '../changes.js';
import { certificatesOf, nodeNameOf, staleComponents, type HostSurvey } from '../host-survey.js';
import { toMatrix, type Place } from '../matrix.js';
import { STATE_KNOBS, STATES, type TrustState } from '../states.js';
import { unsupported } from '../unsupported.js';
import { deviations, describePlace, position, walk, type Position } from '../walk.js';
import { surveysOf } from './host-survey.js';
import { trustMark } from './workloads-read.js';

const input = z.strictObject({
  /** The state to walk to. */
  to: z.enum(STATES),
  /** Refuse unless the fleet is completely at this state. */
  require: z.enum(STATES).optional(),
  /** Refuse what a rotation cannot move, and nodes of the cluster that are not in the inventory. */
  whole: z.boolean().default(false),
  /** Nodes of the cluster that may be missing. */
  without: z.array(z.string()).default([]),
});

type Input = z.infer<typeof input>;

/** Where a rotation begins, forward or back. */
const ENDS: readonly TrustState[] = ['old', 'new'];

interface Seen {
  readonly places: readonly Place[];
  readonly stale: readonly string[];
  /** A dry run: nothing was changed, so of the walk it takes the first step, and no gate holds. */
  readonly isDry: boolean;
  /** Whether the state folder knows of a rotation, begun or ended. */
  readonly isKnown: boolean;
  /** What a rotation cannot move. */
  readonly unsupported: readonly string[];
  /** Nodes of the cluster that are none of the hosts. */
  readonly strangers: readonly string[];
  /** Workloads that a rotation has restarted with another trust than that of their state. */
  readonly behind: (state: TrustState) => readonly string[];
  /** What would be waited for in vain; counts before a rotation alone. */
  readonly unready: readonly string[];
  /** Why the API's objects could not be read, if they could not. */
  readonly apiError?: string;
}

/**
 * Puts together what every host and the API were seen to hold: the matrix, the state, and the walk
 * to the state asked for. With `require` it is a gate: it refuses, naming each thing that is not
 * yet as that state needs it.
 */
export function rotationSurvey(store: AuthorityStore): TaskModule<Input, Seen> {
  return {
    name: 'rotation_survey',
    doc: 'Derive the trust state of the fleet from what was read, and the walk to another; or refuse to go on.',
    input,
    observe: async ({ whole, to }, context) => {
      const surveys = surveysOf(context);
      const kept = await store.load();
      refuseOtherCluster(kept, surveys, store.folder);
      refuseUnknownRotation(kept, surveys, store.folder);
      const authorities = withPresent(kept, surveys);
      const own = surveys.map(nodeNameOf);
      const onHosts = surveys.flatMap((survey) => placesOf(survey, authorities));
      // One under way goes on at once: it may be what all is to be ready by.
      const isStart = ENDS.some((state) => state !== to && deviations(onHosts, state).length === 0);
      const api = await (whole && isStart ? readSettled(context, own) : readApi(context));
      return {
        isDry: context.checkMode,
        isKnown: Object.values(kept).some((pair) => pair.new !== undefined),
        unsupported: [...surveys.flatMap(unsupported), ...unreadable(api.objects, authorities)],
        strangers: api.nodes.filter(({ name }) => !own.includes(name)).map(({ name }) => name),
        unready: unreadyOf(api, own),
        behind: (state) => behindOf(state, api.workloads, authorities),
        places: [...onHosts, ...apiPlaces(api.objects, authorities)],
        stale: surveys.flatMap((survey) =>
          staleComponents(survey).map((component) => `${component} on ${survey.host}`),
        ),
        ...(api.error !== undefined && { apiError: api.error }),
      };
    },
    check: (seen, wanted) => {
      const at = position(seen.places);
      const steps = stepsFrom(at, seen, wanted.to);
      const strangers = seen.strangers.filter((name) => !wanted.without.includes(name));
      const result = {
        position: at as unknown as Json,
        walk: steps,
        matrix: toMatrix(seen.places) as unknown as Json,
        stale: seen.stale,
        unsupported: seen.unsupported,
        strangers,
        ...(seen.apiError !== undefined && { apiError: seen.apiError }),
      };
      return {
        changes: [],
        reason: `${describePosition(at)}; to ${wanted.to}: ${steps.join(', ') || 'nothing to do'}`,
        result,
        facts: {
          walk: seen.isDry ? steps.slice(0, 1) : steps,
          position: result.position,
          trust_states: STATE_KNOBS as unknown as JsonObject,
        },
        ...failureOf(
          { ...seen, strangers, unready: isBegun(at, steps) ? [] : seen.unready },
          wanted,
        ),
      };
    },
    apply: () => Promise.resolve({ changed: false }),
  };
}

/**
 * A fleet of which no bundle holds a CA that the state folder knows is another fleet.
 *
 * @throws CaravanError input: names the CA of the folder and the one that was found.
 */
function refuseOtherCluster(
  kept: Authorities,
  surveys: readonly HostSurvey[],
  folder: string,
): void {
  for (const name of AUTHORITY_NAMES) {
    const pair = kept[name];
    const bundles = surveys.flatMap(({ host, items }) =>
      items
        .filter(({ item, pem }) => item.authority === name && item.knob === 'trust' && pem !== '')
        .map((found) => ({ host, found, held: certificatesOf(found) })),
    );
    const [first] = bundles;
    if (!pair || !first) continue;
    const known = [pair.old, pair.new].map((a) => a?.certificate.fingerprintSha256);
    if (bundles.some(({ held }) => held.some((c) => known.includes(c.fingerprintSha256)))) continue;
    throw new CaravanError(
      'input',
      `The state folder ${folder} is of another cluster: its ${name} CA is ${pair.old.certificate.subject} ` +
        `(sha256 ${pair.old.certificate.fingerprintSha256.slice(0, 16)}), and ${first.found.path} on ${first.host} holds ` +
        `${first.held.map((c) => `${c.subject} (sha256 ${c.fingerprintSha256.slice(0, 16)})`).join(', ')}.`,
      { host: first.host, hint: 'Give the folder of this cluster with --state, or an empty one.' },
    );
  }
}

/**
 * A CA file with two certificates is of a rotation that the state folder should know of: without it
 * neither where the fleet is nor the way back can be told.
 *
 * @throws CaravanError gate: names the file.
 */
function refuseUnknownRotation(
  kept: Authorities,
  surveys: readonly HostSurvey[],
  folder: string,
): void {
  for (const { host, items } of surveys)
    for (const found of items) {
      const { authority, knob, location } = found.item;
      const isCaFile = knob === 'trust' && location.kind === 'flag';
      if (!isCaFile || kept[authority] !== undefined) continue;
      const held = certificatesOf(found).length;
      if (held < 2) continue;
      throw new CaravanError(
        'gate',
        `${found.path} holds ${held} certificates: a rotation is under way that the state folder ${folder} knows nothing of, or others are trusted besides the CA.`,
        {
          host,
          hint:
            'Give the folder of that rotation with --state; where it is lost, `caravan rotate --recover` fills this one from the control planes. ' +
            'Take no CA out of the file by hand: leaves of each may be in use. Where no rotation was begun, leave the CA alone in the file, on each control plane, and restart kube-apiserver.',
        },
      );
    }
}

/**
 * Before a first rotation the state folder is empty: then the one CA that the control planes hold
 * is the old one.
 */
function withPresent(kept: Authorities, surveys: readonly HostSurvey[]): Authorities {
  const present = AUTHORITY_NAMES.flatMap((name) => {
    const [found] = surveys.flatMap(({ items }) =>
      items.filter(
        ({ item, pem }) => item.authority === name && item.knob === 'trust' && pem !== '',
      ),
    );
    const [certificate] = found ? certificatesOf(found) : [];
    return found && certificate ? [[name, { old: { certificate, pem: found.pem } }] as const] : [];
  });
  return { ...Object.fromEntries(present), ...kept };
}

/** Whether there is nothing to begin: a rotation under way may be what things are not ready for. */
function isBegun(at: Position, steps: readonly TrustState[]): boolean {
  const isAtEnd = at.kind === 'at' && ENDS.includes(at.state);
  return !isAtEnd || steps.length === 0 || steps[0] === at.state;
}

/** The walk to a state. A step that was stopped after all files were in place is ended first. */
function stepsFrom(
  at: Position,
  { stale, behind, isKnown }: Seen,
  to: TrustState,
): readonly TrustState[] {
  const steps = walk(at, to);
  if (at.kind !== 'at' || !isKnown) return steps;
  const isOpen = behind(at.state).length > 0 || (steps.length === 0 && stale.length > 0);
  return isOpen ? [at.state, ...steps] : steps;
}

/** Workloads that nobody has restarted yet for a rotation are behind none. */
function behindOf(
  state: TrustState,
  workloads: readonly Workload[],
  { cluster }: Authorities,
): string[] {
  const { trust } = STATE_KNOBS[state];
  if (cluster === undefined || (trust !== 'old' && cluster.new === undefined)) return [];
  const mark = trustMark(cluster, trust);
  return workloads
    .filter(({ startedWith }) => startedWith !== undefined && startedWith !== mark)
    .map(nameOf);
}

/** A position in words. */
export function describePosition(at: Position): string {
  if (at.kind === 'at') return `at ${at.state}`;
  return at.kind === 'between'
    ? `between ${at.from} and ${at.to}`
    : `scattered; from ${at.restart} on`;
}

function failureOf(
  { places, stale, behind, apiError, unsupported: unmovable, strangers, unready, isDry }: Seen,
  { require: required, whole }: Input,
): { failure?: { kind: 'gate'; message: string; hint: string } } {
  const nodes = `nodes of the cluster that are not in the inventory: ${strangers.join(', ')}`;
  if (whole && unmovable.length > 0)
    return refused(
      `This cluster cannot be rotated: ${unmovable.join('; ')}.`,
      'Change that first, or rotate by hand.',
    );
  if (whole && strangers.length > 0)
    return refused(
      `There are ${nodes}. A rotation would lock them out.`,
      'Put them into the inventory; remove those that are gone (kubectl delete node); or name one that may be locked out with --without-node.',
    );
  if (whole && unready.length > 0)
    return refused(
      `The cluster is not ready for a rotation: ${unready.join('; ')}.`,
      'Mend these first; where no rollout would end, resume it (kubectl rollout resume), change the strategy or the budget, scale it to 0, or delete it.',
    );
  if (required === undefined || isDry) return {};
  const wrong = [
    ...deviations(places, required).map(describePlace),
    ...stale.map((name) => `${name} has not read its files`),
    ...behind(required).map((name) => `${name} was started with another trust bundle`),
    ...(strangers.length > 0 ? [`there are ${nodes}`] : []),
    ...(apiError === undefined ? [] : [`the API's objects could not be read: ${apiError}`]),
  ];
  if (wrong.length === 0) return {};
  return refused(
    `The fleet is not completely at ${required}: ${wrong.join('; ')}.`,
    `Run \`caravan rotate --to ${required}\` again; it does only what is left.`,
  );
}

function refused(message: string, hint: string) {
  return { failure: { kind: 'gate' as const, message, hint } };
}
