import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { config as configureZod } from 'zod';
import { asCaravanError } from '../values/error.js';
import { EXIT, exitCodeOfError } from './exit.js';
import { errorText } from './view.js';

interface PackageFile {
  readonly version: string;
  readonly description: string;
}

const { version, description } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as PackageFile;

/** Each command, loaded when it is asked for: loading all takes longer than most of them run. */
const COMMANDS = new Map<string, () => Promise<Command>>([
  ['rehearse', async () => (await import('./rehearse.js')).rehearseCommand()],
  ['survey', async () => (await import('./rotate.js')).surveyCommand()],
  ['rotate', async () => (await import('./rotate.js')).rotateCommand()],
  ['run', async () => (await import('./run.js')).runCommand()],
  ['exec', async () => (await import('./exec.js')).execCommand()],
  ['modules', async () => (await import('./modules.js')).modulesCommand()],
  ['inventory', async () => (await import('./inventory.js')).inventoryCommand()],
  ['hosts', async () => (await import('./hosts.js')).hostsCommand()],
  ['lab', async () => (await import('./lab.js')).labCommand()],
]);

async function main(): Promise<void> {
  // Else zod writes a function for each shape as text, and V8 compiles it: more than the few checks
  // of a command would take.
  configureZod({ jitless: true });
  const program = new Command('caravan')
    .version(version)
    .description(description)
    .enablePositionalOptions();
  const asked = COMMANDS.get(process.argv[2] ?? '');
  for (const load of asked ? [asked] : COMMANDS.values()) program.addCommand(await load());
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap((c) => c.commands),
  ])
    command.exitOverride();

  // All hosts of a run listen to its one signal: what Node takes for a leak is none.
  setMaxListeners(0);

  // What cannot be written any more, to a reader or terminal that has gone or a disk that is full,
  // must not end a run half way.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!['EPIPE', 'EIO', 'ENOSPC', 'EDQUOT'].includes(error.code ?? '')) throw error;
    });
  }

  try {
    await program.parseAsync();
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.badOptions;
    } else {
      const error = asCaravanError(thrown);
      process.stderr.write(errorText(error));
      process.exitCode = exitCodeOfError(error);
    }
  }
}

void main();
