import * as z from 'zod';
import type { TaskModule, Verdict } from '../../modules/module.js';
import type { JsonObject } from '../../values/json.js';
import { BACKDATE_MS } from '../leaves.js';
import { readHostSurvey, type HostSurvey } from '../host-survey.js';

const input = z.strictObject({});

/** The variable that a host's survey is stored under. */
export const SURVEY_FACT = 'host_survey';

/** Reads what a host holds of the authorities. Changes nothing. */
export const hostSurvey: TaskModule<
  z.infer<typeof input>,
  { survey: HostSurvey; controllerNow: number }
> = {
  name: 'host_survey',
  doc: 'Read every certificate, trust bundle and start time that a rotation needs from a host.',
  input,
  observe: async (_input, { connection, signal, clock }) => ({
    survey: await readHostSurvey(connection, signal),
    controllerNow: clock.now().getTime() / 1000,
  }),
  check: ({ survey, controllerNow }) => ({
    changes: [],
    reason: `${survey.items.length} certificates and bundles read`,
    facts: { [SURVEY_FACT]: survey as unknown as JsonObject },
    ...skewFailure(survey.now - controllerNow),
  }),
  apply: () => Promise.resolve({ changed: false }),
};

/** New leaves are backdated by this much; a host that is further behind would refuse them. */
function skewFailure(seconds: number): Pick<Verdict, 'failure'> {
  const allowed = BACKDATE_MS / 1000;
  if (Math.abs(seconds) <= allowed) return {};
  return {
    failure: {
      kind: 'verify',
      message: `The host's clock is ${Math.round(Math.abs(seconds))} s ${seconds > 0 ? 'ahead of' : 'behind'} the controller's; at most ${allowed} s can be carried.`,
      hint: 'Set both clocks right (NTP), then run the same command again.',
    },
  };
}
