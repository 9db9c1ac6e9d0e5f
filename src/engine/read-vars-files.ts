import type { InventoryHost } from '../inventory/inventory.js';
import { holdsTemplate } from '../playbook/check-args.js';
import { firstFound } from '../playbook/load-vars-files.js';
import type { Located, Task, VarsFile, Vars } from '../playbook/model.js';
import type { Scope } from '../playbook/scope.js';
import { render, UndefinedVariable } from '../playbook/template.js';
import { asCaravanError, CaravanError } from '../values/error.js';
import { magicOf, type BatchRun } from './batch-run.js';
import { showError } from './shown.js';

/**
 * Finds the files of variables that rest on the host, as Ansible does before each task: their names
 * see the inventory, extra variables, gathered facts, the play and the files before them, but
 * nothing that tasks have set. Returns the hosts that failed.
 */
export async function readVarsFiles(
  run: BatchRun,
  task: Task,
  hosts: readonly InventoryHost[],
): Promise<InventoryHost[]> {
  const failed: InventoryHost[] = [];
  if (run.play.varsFiles.length === 0) return failed;
  for (const host of hosts) {
    try {
      run.playVars.set(host.name, await varsOn(run, task, host));
    } catch (thrown) {
      fail(run, task, host, asCaravanError(thrown).at({ host: host.name, task: task.name }));
      failed.push(host);
    }
  }
  return failed;
}

async function varsOn(run: BatchRun, task: Task, host: InventoryHost): Promise<Vars> {
  const { variables, scrubber } = run.state.parts;
  let { vars } = run.play;
  for (const file of run.play.varsFiles) {
    const scope = variables.scope(host, {
      ...{ play: vars, imports: run.frame.layers, magic: magicOf(run), isBeforeTasks: true },
    });
    try {
      const found = await firstFound(file, resolved(file, scope));
      scrubber.learn(found);
      vars = { ...vars, ...found };
    } catch (thrown) {
      if (!(thrown instanceof UndefinedVariable) || variables.hasHostFacts(host.name)) throw thrown;
      leftOut(run, task, host, { file, why: thrown.message });
    }
  }
  return vars;
}

function* resolved({ names }: VarsFile, scope: Scope): Generator<Located<string>> {
  for (const name of names) {
    if (!holdsTemplate(name.value)) yield name;
    else {
      const value = render(name, scope);
      if (typeof value !== 'string')
        throw new CaravanError(
          'input',
          `vars_files: '${name.value}' gave ${JSON.stringify(value)}, which is no file's name`,
          { source: name.source },
        );
      yield { value, source: name.source };
    }
  }
}

/** Facts that the name needs may yet be gathered, so that only a line tells of it, once. */
function leftOut(
  { state, playVars }: BatchRun,
  task: Task,
  host: InventoryHost,
  { file, why }: { readonly file: VarsFile; readonly why: string },
): void {
  if (state.parts.modules.get(task.module)?.gathers === true) return;
  if (!playVars.isNews(host.name, file)) return;
  const line = `vars_files: left out, since ${why}`;
  state.emit({ type: 'progress', task: task.name, host: host.name, line });
}

function fail(run: BatchRun, task: Task, host: InventoryHost, thrown: CaravanError): void {
  const { state, play } = run;
  const { scrubber, diff } = state.parts;
  const place = { play: play.name, task: task.name, source: task.source, host: host.name };
  const error = showError(thrown, { noLog: false, diff, scrubber, source: task.source });
  state.emit({
    ...{ ...place, type: 'host-result', status: 'failed', seconds: 0, changes: [], error },
  });
  state.fail({ ...place, error });
  run.progress.failed.add(host.name);
  state.count(host.name, 'failed');
}
