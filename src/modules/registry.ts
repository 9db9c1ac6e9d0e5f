import { assert } from './assert.js';
import { command } from './command.js';
import { copy } from './copy.js';
import { debug } from './debug.js';
import { fail } from './fail.js';
import { file } from './file.js';
import { meta } from './meta.js';
import type { AnyModule } from './module.js';
import { pause } from './pause.js';
import { setFact } from './set-fact.js';
import { shell } from './shell.js';
import { slurp } from './slurp.js';
import { stat } from './stat.js';
import { waitFor } from './wait-for.js';

/** The modules of the general runner. What a rotation needs registers itself beside them. */
export const coreModules: readonly AnyModule[] = [
  ...[assert, command, copy, debug, fail, file, meta, pause, setFact, shell, slurp, stat, waitFor],
];
