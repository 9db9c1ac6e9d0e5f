import * as z from 'zod';
import { applyHostChanges, type HostChange } from '../../modules/host-change.js';
import type { TaskModule } from '../../modules/module.js';
import type { JsonObject } from '../../values/json.js';
import type { AuthorityStore, Generation } from '../authorities.js';
import {
  certificateChange,
  isShownToKubelets,
  keyIsBeside,
  pairOf,
  seenIn,
  switchKubeletLeaf,
} from '../changes.js';
import { apiServerPort, readHostSurvey } from '../host-survey.js';
import { changeKubeletClientLeaf } from '../kubelet-calls.js';
import { leafFor, type PlannedLeaf } from '../leaves.js';

const input = z.strictObject({
  /** Which leaves: those that clients show, or those that servers show. */
  shown_by: z.enum(['client', 'server']),
  /** The CA that signed them; `both`: the new one, with its certificate signed by the old one. */
  signed_by: z.enum(['old', 'both', 'new']),
});

interface Seen {
  readonly planned: readonly (PlannedLeaf & { readonly seen: string })[];
  readonly stamp: string;
  /** Of kube-apiserver. */
  readonly port: number;
}

/** A change of one leaf, with what must be remembered before it is made. */
type LeafChange = HostChange & {
  /**
   * The port of the kube-apiserver that shows it to kubelets, and closes its connections to them
   * when it changes; absent for every other leaf.
   */
  readonly shownOn?: number;
  readonly remember: readonly { item: string; generation: Generation; pem: string }[];
};

/** Puts leaves of the wanted CA in place, for the keys that are there. */
export function caLeaf(store: AuthorityStore): TaskModule<z.infer<typeof input>, Seen, LeafChange> {
  return {
    name: 'ca_leaf',
    doc: 'Put leaves of the wanted CA in place, for the keys, names and usages that are there.',
    input,
    observe: async ({ shown_by, signed_by }, { connection, host, clock, signal }) => {
      const now = clock.now();
      const survey = await readHostSurvey(connection, signal);
      const authorities = await store.load();
      const planned: Seen['planned'][number][] = [];
      for (const found of survey.items) {
        const seen = seenIn(found, authorities);
        if (found.item.knob !== shown_by || seen === signed_by) continue;
        const pair = pairOf(authorities, found.item.authority);
        planned.push({ ...(await leafFor(store, pair, host.name, found, signed_by, now)), seen });
      }
      const stamp = now.toISOString().slice(0, 19).replaceAll(/[T:]/g, '-');
      return { planned, stamp, port: apiServerPort(survey.manifests) };
    },
    check: ({ planned, stamp, port }, { signed_by }) => ({
      changes: planned.map((leaf) => ({
        ...leafChange(leaf, signed_by, stamp),
        ...(isShownToKubelets(leaf.found.item) && { shownOn: port }),
      })),
      reason: `every leaf is signed by: ${signed_by}`,
    }),
    apply: async (changes, { signed_by }, context) => {
      // Before they are put in place: a killed run must find the same leaves again.
      await store.saveLeaves(
        context.host.name,
        changes.flatMap((change) => change.remember),
      );
      const results: JsonObject[] = [];
      for (const change of changes) {
        if (change.kind !== 'write' || change.shownOn === undefined) {
          await applyHostChanges([change], context);
          continue;
        }
        const pair = pairOf(await store.load(), 'cluster');
        const as = signed_by === 'old' ? 'old' : 'new';
        const calls = await changeKubeletClientLeaf(
          change,
          { pair, as, port: change.shownOn },
          context,
        );
        context.record('kubelet calls', { host: context.host.name, ...calls });
        results.push({ ...calls });
      }
      return { result: { kubeletCalls: results } };
    },
  };
}

function leafChange(
  { found, text, leaf, generation, seen }: Seen['planned'][number],
  signedBy: string,
  stamp: string,
): LeafChange {
  const what = `${found.item.name}: ${seen} → ${signedBy}`;
  const change = keyIsBeside(found.item, found.path)
    ? switchKubeletLeaf(found, text, what, stamp, generation === 'old')
    : certificateChange(found, text, what);
  const remember = [{ item: found.item.name, generation, pem: leaf }];
  // The leaf of the old CA as it was found, so that going back gives the same bytes.
  if (seen === 'old')
    remember.unshift({ item: found.item.name, generation: 'old', pem: found.pem });
  return { ...change, remember };
}
