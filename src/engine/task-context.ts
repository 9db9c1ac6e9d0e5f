import type { HostView, ModuleContext } from '../modules/module.js';
import { sourceOf } from '../playbook/check-args.js';
import { wholeExpression } from '../playbook/expression.js';
import { evaluate, holds, renderTemplate } from '../playbook/template.js';
import type { Connection } from '../transport/port.js';
import type { Clock } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import type { Json } from '../values/json.js';
import type { Secret } from '../values/secret.js';
import { TaskConnection, type TaskPhase } from './task-connection.js';
import type { HostTask } from './task-on-host.js';
import { lazyVars } from './variables.js';

/** What bounds an attempt. */
interface Limits {
  /** Milliseconds since 1970. */
  readonly endsAt: number;
  readonly phase: TaskPhase;
}

/** What a module may reach. A run has one for each task and host: so it is a class. */
export class TaskContext implements ModuleContext {
  readonly host: HostView;
  readonly connection: Connection;

  constructor(
    private readonly on: HostTask,
    private readonly limits: Limits,
    readonly checkMode: boolean,
  ) {
    this.host = { name: on.host.name, vars: lazyVars(on.scope) };
    this.connection = this.#connection(on.target);
  }

  get signal(): AbortSignal {
    return this.limits.phase.stop.signal;
  }

  get clock(): Clock {
    return this.on.state.parts.clock;
  }

  get folders(): readonly string[] {
    return this.on.task.folders;
  }

  get digests(): NonNullable<ModuleContext['digests']> {
    return this.on.state.parts.digests;
  }

  get readVars(): ModuleContext['readVars'] {
    return this.on.state.parts.parseVars;
  }

  hosts(pattern: string): HostView[] {
    const { variables } = this.on.state.parts;
    const local = pattern === 'localhost' ? variables.host(pattern) : undefined;
    const named = local === undefined ? variables.inventory.select(pattern) : [local];
    return named.map((host) => ({ name: host.name, vars: lazyVars(variables.scope(host)) }));
  }

  async connect(name: string): Promise<Connection> {
    await this.on.state.parts.pool.connect(name);
    return this.#connection(name);
  }

  reconnect(): Promise<void> {
    return this.on.state.parts.pool.drop(this.on.target, this.on.reach);
  }

  holds(condition: string | boolean): boolean {
    const { task, scope } = this.on;
    return holds({ value: condition, source: sourceOf(task.args, ['that']) }, scope);
  }

  /** For `debug`, to which an undefined name is no error. */
  evaluate(expression: string): unknown {
    const { task, scope } = this.on;
    const value = wholeExpression(expression.trim()) ?? expression;
    try {
      return evaluate({ value, source: sourceOf(task.args, ['var']) }, scope);
    } catch (thrown) {
      if (thrown instanceof CaravanError && thrown.message.includes(' is undefined in '))
        return 'VARIABLE IS NOT DEFINED!';
      throw thrown;
    }
  }

  render(text: string, file: string): string | Secret {
    return renderTemplate(text, file, this.on.scope);
  }

  record(name: string, data: Json): void {
    const { task, host, state } = this.on;
    const shown = state.parts.scrubber.value(data);
    state.emit({ type: 'record', host: host.name, task: task.name, name, data: shown });
  }

  progress(line: string): void {
    const { task, host, state } = this.on;
    if (task.noLog === true) return;
    const shown = state.parts.scrubber.text(line);
    state.emit({ type: 'progress', task: task.name, host: host.name, line: shown });
  }

  #connection(name: string): TaskConnection {
    const { task, state, target, reach, environment } = this.on;
    const { pool, clock } = state.parts;
    const { phase, endsAt } = this.limits;
    return new TaskConnection(name, pool, {
      ...{ clock, phase, endsAt },
      ...(task.become === undefined ? {} : { become: task.become }),
      ...(reach === undefined || name !== target ? {} : { reach }),
      ...(environment === undefined ? {} : { environment }),
    });
  }
}
