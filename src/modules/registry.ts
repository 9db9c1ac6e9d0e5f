import { command } from './command.js';
import { copy } from './copy.js';
import { debug } from './debug.js';
import { fail } from './fail.js';
import { meta } from './meta.js';
import type { AnyModule } from './module.js';
import { setFact } from './set-fact.js';
import { shell } from './shell.js';

/** The modules of the general runner. What a rotation needs registers itself beside them. */
export const coreModules: readonly AnyModule[] = [command, copy, debug, fail, meta, setFact, shell];
