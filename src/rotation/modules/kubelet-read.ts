import * as z from 'zod';
import type { TaskModule } from '../../modules/module.js';
import type { AuthorityStore } from '../authorities.js';
import { readHostSurvey, staleComponents, type HostSurvey } from '../host-survey.js';
import { RESTART, restartKubelet } from '../kubelet-restart.js';

const input = z.strictObject({
  /** Whose client leaves the kubelet and kube-apiserver accept, for asking them what they see. */
  clients: z.enum(['old', 'new']),
  /** Deadline for the restarted kubelet to be healthy, in seconds. */
  within: z.number().positive().default(60),
});

type Restart = typeof RESTART & { readonly survey: HostSurvey };

/**
 * Restarts the kubelet when it was started before its kubeconfig or client leaf changed. What is
 * embedded in a kubeconfig is never read again, and a client leaf is kept from the start.
 */
export function kubeletRead(
  store: AuthorityStore,
): TaskModule<z.infer<typeof input>, HostSurvey, Restart> {
  return {
    name: 'kubelet_read',
    doc: 'Restart the kubelet if it has not read its kubeconfig and client leaf as they are now.',
    input,
    observe: (_input, { connection, signal }) => readHostSurvey(connection, signal),
    check: (survey) => ({
      changes: staleComponents(survey).includes('kubelet') ? [{ ...RESTART, survey }] : [],
      reason: 'the kubelet was started after its files changed',
    }),
    apply: async (changes, { clients, within }, context) => {
      for (const { survey } of changes) {
        await restartKubelet(survey, store, { as: clients, within }, context);
      }
      return {};
    },
  };
}
