import { assert } from './assert.js';
import { blockinfile } from './blockinfile.js';
import { command } from './command.js';
import { copy } from './copy.js';
import { debug } from './debug.js';
import { fail } from './fail.js';
import { fetch } from './fetch.js';
import { file } from './file.js';
import { find } from './find.js';
import { includeVars } from './include-vars.js';
import { kubectl } from './kubectl.js';
import { lineinfile } from './lineinfile.js';
import { meta } from './meta.js';
import type { AnyModule } from './module.js';
import { pause } from './pause.js';
import { raw } from './raw.js';
import { reboot } from './reboot.js';
import { replace } from './replace.js';
import { script } from './script.js';
import { service, systemd, systemdService } from './service.js';
import { setFact } from './set-fact.js';
import { gatherFacts, setup } from './setup.js';
import { shell } from './shell.js';
import { slurp } from './slurp.js';
import { stat } from './stat.js';
import { tempfile } from './tempfile.js';
import { template } from './template.js';
import { waitForConnection } from './wait-for-connection.js';
import { waitFor } from './wait-for.js';

/** The modules of the general runner. What a rotation needs registers itself beside them. */
export const coreModules: readonly AnyModule[] = [
  ...[assert, blockinfile, command, copy, debug, fail, fetch, file, find, gatherFacts, includeVars],
  ...[kubectl, lineinfile, meta, pause, raw, reboot, replace, script, service, setFact, setup],
  ...[shell, slurp, stat, systemd, systemdService, tempfile, template, waitFor],
  ...[waitForConnection],
];
