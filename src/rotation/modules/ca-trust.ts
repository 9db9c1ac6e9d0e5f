import * as z from 'zod';
import { applyHostChanges, type HostChange } from '../../modules/host-change.js';
import type { TaskModule } from '../../modules/module.js';
import type { Authorities, AuthorityStore } from '../authorities.js';
import { trustChanges } from '../changes.js';
import { readHostSurvey, type HostSurvey } from '../host-survey.js';

const input = z.strictObject({ holds: z.enum(['old', 'both', 'new']) });

/** Makes every trust bundle of a host hold the old CA, both, or the new one. */
export function caTrust(
  store: AuthorityStore,
): TaskModule<z.infer<typeof input>, { survey: HostSurvey; authorities: Authorities }, HostChange> {
  return {
    name: 'ca_trust',
    doc: 'Make every trust bundle of a host (files and kubeconfigs) hold the old CA, both, or the new one.',
    input,
    observe: async (_input, { connection, signal }) => ({
      survey: await readHostSurvey(connection, signal),
      authorities: await store.load(),
    }),
    check: ({ survey, authorities }, { holds }) => ({
      changes: trustChanges(survey, authorities, holds),
      reason: `every bundle holds: ${holds}`,
    }),
    apply: (changes, _input, context) => applyHostChanges(changes, context),
  };
}
