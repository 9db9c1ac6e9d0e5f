import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { asCaravanError } from '../values/error.js';
import { EXIT, exitCodeOfError } from './exit.js';
import { execCommand } from './exec.js';
import { inventoryCommand } from './inventory.js';
import { labCommand } from './lab.js';
import { modulesCommand } from './modules.js';
import { rehearseCommand } from './rehearse.js';
import { rotateCommand, surveyCommand } from './rotate.js';
import { runCommand } from './run.js';
import { errorText } from './view.js';

interface PackageFile {
  readonly version: string;
  readonly description: string;
}

const { version, description } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as PackageFile;

const program = new Command('caravan')
  .version(version)
  .description(description)
  .enablePositionalOptions();
for (const command of [
  rehearseCommand(),
  surveyCommand(),
  rotateCommand(),
  runCommand(),
  execCommand(),
  modulesCommand(),
  inventoryCommand(),
  labCommand(),
]) {
  program.addCommand(command);
}
for (const command of [program, ...program.commands]) command.exitOverride();

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
