import { expandPaths, isUnexpanded } from '../facts/host-paths.js';
import type { AnyModule, Applied, ModuleContext, TaskModule, Verdict } from '../modules/module.js';
import { argsError, sourceOf } from '../playbook/check-args.js';
import { coerceArgs } from '../playbook/coerce-args.js';
import { renderFields } from '../playbook/template.js';
import { asCaravanError, CaravanError } from '../values/error.js';
import { StepNotRun } from '../transport/port.js';
import { sh } from '../values/shell.js';
import type { AttemptResult } from './attempt-result.js';
import type { Gathering } from './gathering.js';
import { TaskPhase } from './task-connection.js';
import { TaskContext } from './task-context.js';
import type { HostTask } from './task-on-host.js';

/** How long a module may go on after its signal, to end or undo what it has in hand. */
const GRACE_MS = 5_000;

/** Of a dry run, where nobody knows what would come of it. */
const NOT_TRIED: AttemptResult = {
  ...{ changed: false, changes: [], skipped: true, reason: 'it runs only without --check' },
  result: { msg: 'Command would have run if not in check mode' },
};

function readInput(on: HostTask, module: AnyModule): unknown {
  const { task, scope } = on;
  const rendered = renderFields(
    task.args.value,
    (key) => sourceOf(task.args, [key]),
    scope,
    module.rawInput,
  );
  const args = coerceArgs(module.input, rendered);
  const parsed = module.input.safeParse(args);
  if (parsed.success) return parsed.data;
  throw argsError(module, task.args, parsed.error.issues, `task '${task.name}'`);
}

type HostPaths = Readonly<Record<string, string | string[] | undefined>>;

/** One attempt of a task's module on a host: what is there is observed, judged, and changed. */
export class Attempt {
  readonly module: TaskModule;
  #input: unknown;
  readonly #context: ModuleContext;
  readonly #phase: TaskPhase;
  readonly #seconds: number;
  /** What waits for the end of what is in hand, once a stop is asked for. */
  #onStop: (() => void) | undefined;
  #seen: { readonly value: unknown } | undefined;
  #verdict: Verdict | undefined;
  #applied: Applied = {};
  /** Whether an interrupted run is known to have made the change. */
  #wasChanged = false;

  /** @throws CaravanError input where the task's arguments are wrong on this host. */
  constructor(readonly on: HostTask) {
    const { task, state } = on;
    const { clock, modules, check, taskTimeoutSeconds, receipts } = state.parts;
    state.checkCancelled();
    const module = modules.get(task.module) as AnyModule;
    this.#input = readInput(on, module);
    this.module = module as TaskModule;
    this.#seconds = task.timeoutSeconds ?? taskTimeoutSeconds;
    this.id = receipts.next(on.host.name, task.source);
    this.#phase = new TaskPhase(receipts.record.run, () => receipts.step(this.id));
    const endsAt = clock.now().getTime() + this.#seconds * 1000;
    this.isCheck = task.checkMode ?? check;
    this.#context = new TaskContext(on, { endsAt, phase: this.#phase }, this.isCheck);
  }

  /** Name of the attempt in the run's record. */
  readonly id: string;
  /** Whether it only says what it would change. */
  readonly isCheck: boolean;

  /** Whether it knows what is there. */
  get isObserved(): boolean {
    return this.#seen !== undefined;
  }

  /** What it knows is there may be so no longer. */
  forget(): void {
    this.#seen = this.#verdict = undefined;
  }

  /** Reads what is there. Its steps go out with those of others where `gathering` is given. */
  observe(gathering?: Gathering, index = 0): Promise<void> {
    this.forget();
    return this.#bounded(gathering, index, async () => {
      const { module, on } = this;
      if (this.#hostPaths().some(isUnexpanded)) await this.#expandPaths();
      const value = await module.observe(this.#input, this.#context);
      this.#seen = { value };
      // Judged at once, so that an error in it is this attempt's, whoever made it look.
      const { changes } = this.verdict;
      if (!on.state.parts.receipts.record.isResumed || this.#phase.steps === 0) return;
      if (changes.length === 0) this.#wasChanged = await this.#hasReceipt();
    });
  }

  /** What {@link observe} found, judged. */
  get verdict(): Verdict {
    return (this.#verdict ??= this.module.check(this.#seen?.value, this.#input));
  }

  /** Whether something is to be changed, and may be. */
  get isWanting(): boolean {
    const { failure, changes } = this.verdict;
    return failure === undefined && changes.length > 0 && !this.isCheck;
  }

  /** Whether one of its changes is to be made with no other work beside it. */
  get isAlone(): boolean {
    return this.verdict.changes.some(({ isAlone }) => isAlone === true);
  }

  /** See {@link TaskModule.touches}. */
  get touches(): 'anything' | readonly string[] {
    const { touches } = this.module;
    if (touches === undefined || touches === 'anything') return 'anything';
    return touches === 'nothing' ? [] : touches(this.#seen?.value, this.#input);
  }

  /** Makes the changes. */
  apply(gathering?: Gathering, index = 0): Promise<void> {
    return this.#bounded(gathering, index, async () => {
      this.#phase.isApplying = true;
      this.#applied = await this.module.apply(this.verdict.changes, this.#input, this.#context);
    });
  }

  /** Why it failed, where it did. */
  get failure(): AttemptResult['failure'] {
    return this.verdict.failure ?? this.#applied.failure;
  }

  /** What came of it. */
  get result(): AttemptResult {
    const { verdict, failure } = this;
    if (this.isCheck && verdict.isUnforeseen === true)
      return { ...NOT_TRIED, result: { ...verdict.result, ...NOT_TRIED.result } };
    const applied = this.#applied;
    const facts = { ...verdict.facts, ...applied.facts };
    const isChanged = verdict.changes.length > 0 && applied.changed !== false;
    const reason = this.#wasChanged ? 'changed before the run was interrupted' : verdict.reason;
    return {
      changed: (isChanged && verdict.failure === undefined) || this.#wasChanged,
      // What is done with them is done: the bytes of a file are not to outlive it.
      changes: verdict.changes.map(({ summary, diff }) => ({ summary, ...(diff && { diff }) })),
      result: { ...verdict.result, ...applied.result },
      ...(reason === undefined ? {} : { reason }),
      ...(Object.keys(facts).length === 0 ? {} : { facts }),
      ...(verdict.hostFacts === undefined ? {} : { hostFacts: verdict.hostFacts }),
      ...(verdict.skipped === undefined ? {} : { skipped: verdict.skipped }),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  #hostPaths(): string[] {
    const input = this.#input as HostPaths;
    return this.module.hostPaths?.flatMap((key) => input[key] ?? []) ?? [];
  }

  /** Puts what they are on the host for homes and variables in the paths of the input. */
  async #expandPaths(): Promise<void> {
    const expanded = await expandPaths(this.#hostPaths(), this.#context.connection);
    const input = this.#input as HostPaths;
    const keys = this.module.hostPaths?.filter((key) => input[key] !== undefined) ?? [];
    const own = keys.map((key) => {
      const given = input[key];
      return [key, Array.isArray(given) ? expanded.splice(0, given.length) : expanded.shift()];
    });
    this.#input = { ...input, ...Object.fromEntries(own) };
  }

  /** Whether the first change of this attempt was made by a run that was interrupted. */
  async #hasReceipt(): Promise<boolean> {
    const { run, name } = this.#phase;
    const file = `${run}/${name()}-0.rc`;
    const { connection } = this.#context;
    const { code } = await connection.run(sh`[ -s "$HOME"/.caravan/${file} ]`);
    return code === 0;
  }

  /** @throws CaravanError of the kind that the module or the connection gave; timeout, cancelled */
  async #bounded(
    gathering: Gathering | undefined,
    index: number,
    work: () => Promise<void>,
  ): Promise<void> {
    const { state } = this.on;
    const { clock, signal: runSignal } = state.parts;
    const stop = (): void => {
      this.#phase.stop.abort();
      this.#onStop?.();
    };
    const endTimer = clock.timer(this.#seconds * 1000, () => {
      this.#phase.deadline.abort();
      stop();
    });
    const forget = state.onCancel(stop);
    this.#phase.gathered = gathering && { gathering, index };
    try {
      await this.#within(work());
    } catch (thrown) {
      throw this.#shown(thrown, runSignal);
    } finally {
      endTimer();
      forget();
      gathering?.leave(index);
    }
  }

  /** Waits for `work`; once stopped, as long as a step is in hand that is finished, and the grace. */
  #within(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let isOver = false;
      this.#onStop = () => {
        void this.#phase.idle().then(() => {
          if (isOver) return;
          timer = setTimeout(() => {
            reject(new CaravanError('timeout', 'the module did not stop'));
          }, GRACE_MS);
        });
      };
      if (this.#phase.stop.isAborted) this.#onStop();
      work.then(resolve, reject).finally(() => {
        isOver = true;
        clearTimeout(timer);
        this.#onStop = undefined;
      });
    });
  }

  #shown(thrown: unknown, runSignal: AbortSignal): Error {
    if (thrown instanceof StepNotRun) return thrown;
    if (runSignal.aborted && !this.#phase.isApplying)
      return new CaravanError('cancelled', 'cancelled while the task ran', { cause: thrown });
    if (this.#phase.deadline.isAborted)
      return new CaravanError('timeout', `not done after ${this.#seconds} s`, {
        cause: thrown,
        hint: "give the task a longer 'timeout', in seconds",
      });
    const error = asCaravanError(thrown);
    const isStopped = runSignal.aborted && error.kind !== 'command';
    return isStopped
      ? new CaravanError('cancelled', 'cancelled while the task ran', { cause: thrown })
      : error;
  }
}
