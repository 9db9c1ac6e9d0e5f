import { z } from 'zod';
import type { TaskModule } from '../../modules/module.js';
import type { JsonObject } from '../../values/json.js';
import { readHostSurvey, type HostSurvey } from '../host-survey.js';

const input = z.strictObject({});

/** The variable that a host's survey is stored under. */
export const SURVEY_FACT = 'host_survey';

/** Reads what a host holds of the authorities. Changes nothing. */
export const hostSurvey: TaskModule<z.infer<typeof input>, HostSurvey> = {
  name: 'host_survey',
  doc: 'Read every certificate, trust bundle and start time that a rotation needs from a host.',
  input,
  observe: (_input, { connection, signal }) => readHostSurvey(connection, signal),
  check: (survey) => ({
    changes: [],
    reason: `${survey.items.length} certificates and bundles read`,
    facts: { [SURVEY_FACT]: survey as unknown as JsonObject },
  }),
  apply: () => Promise.resolve({ changed: false }),
};
