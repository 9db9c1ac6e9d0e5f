import * as z from 'zod';
import type { ModuleContext, TaskModule, Verdict } from '../../modules/module.js';
import { CaravanError } from '../../values/error.js';
import type { JsonObject } from '../../values/json.js';
import { sh } from '../../values/shell.js';
import { BACKDATE_MS } from '../leaves.js';
import { readHostSurvey, type HostSurvey } from '../host-survey.js';

const input = z.strictObject({});

/** The variable that a host's survey is stored under. */
export const SURVEY_FACT = 'host_survey';

/** What was read of the hosts in this run. */
export function surveysOf(context: Pick<ModuleContext, 'hosts'>): HostSurvey[] {
  return context.hosts('all').flatMap(({ vars }) => {
    const survey = vars[SURVEY_FACT] as HostSurvey | undefined;
    return survey ? [survey] : [];
  });
}

interface Seen {
  readonly survey: HostSurvey;
  /** Seconds by which the host's clock is ahead of the controller's. */
  readonly ahead: number;
}

/** Reads what a host holds of the authorities. Changes nothing. */
export const hostSurvey: TaskModule<z.infer<typeof input>, Seen> = {
  name: 'host_survey',
  doc: 'Read every certificate, trust bundle and start time that a rotation needs from a host.',
  input,
  observe: async (_input, context) => ({
    survey: await readHostSurvey(context.connection, context.signal),
    ahead: await secondsAhead(context),
  }),
  check: ({ survey, ahead }) => ({
    changes: [],
    reason: `${survey.items.length} certificates and bundles read`,
    facts: { [SURVEY_FACT]: survey as unknown as JsonObject },
    ...skewFailure(ahead),
  }),
  apply: () => Promise.resolve({ changed: false }),
};

/** By itself, on a connection that is open: so the clock is off by half a round trip at most. */
async function secondsAhead({ connection, clock }: ModuleContext): Promise<number> {
  const askedAt = clock.now().getTime();
  const { stdout } = await connection.run(sh`date +%s.%N`, { become: true });
  const answeredAt = clock.now().getTime();
  const found = Number(stdout);
  if (stdout.trim() !== '' && Number.isFinite(found))
    return found - (askedAt + answeredAt) / 2 / 1000;
  throw new CaravanError('command', `Read the clock of the host: it said '${stdout.trim()}'.`, {
    host: connection.host,
    hint: 'The survey needs `date +%s.%N` of coreutils on the host.',
  });
}

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
