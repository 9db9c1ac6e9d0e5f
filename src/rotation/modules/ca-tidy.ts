import * as z from 'zod';
import { applyHostChanges, type HostChange } from '../../modules/host-change.js';
import type { TaskModule } from '../../modules/module.js';
import { sh } from '../../values/shell.js';
import { readHostSurvey } from '../host-survey.js';
import { signerFiles } from '../signer.js';

const input = z.strictObject({ holds: z.enum(['old', 'both', 'new']) });

interface Seen {
  /** The folder of the split files, where it is there and no flag points into it. */
  readonly unused: string | undefined;
}

/** Removes the copies of a split signer once kube-controller-manager is back on one file. */
export const caTidy: TaskModule<z.infer<typeof input>, Seen, HostChange> = {
  name: 'ca_tidy',
  doc: 'Remove the split copies of the signer when kube-controller-manager does not use them any more.',
  input,
  observe: async (_input, { connection, signal }) => {
    const survey = await readHostSurvey(connection, signal);
    const files = signerFiles(survey);
    if (!files || survey.manifests['kube-controller-manager']?.includes(files.folder)) {
      return { unused: undefined };
    }
    const { code } = await connection.run(sh`[ -d ${files.folder} ]`, { become: true, signal });
    return { unused: code === 0 ? files.folder : undefined };
  },
  check: ({ unused }, { holds }) => ({
    changes:
      holds === 'both' || unused === undefined
        ? []
        : [{ kind: 'run', summary: `remove ${unused}`, script: sh`rm -rf ${unused}` }],
    reason: holds === 'both' ? 'the split copies are in use' : 'no split copies are left',
  }),
  apply: (changes, _input, context) => applyHostChanges(changes, context),
};
