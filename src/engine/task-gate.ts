/** Which tasks the operator lets through: from `--start-at-task` on, and step by step. */
export class TaskGate {
  #started: boolean;
  #stepping: boolean;

  constructor(
    readonly startAt: string | undefined,
    readonly step: ((task: string) => Promise<'yes' | 'no' | 'continue'>) | undefined,
  ) {
    this.#started = startAt === undefined;
    this.#stepping = step !== undefined;
  }

  /** Whether tasks are asked for, or left out, one by one. */
  get asks(): boolean {
    return this.#stepping || !this.#started;
  }

  /** Whether a task runs. Asks, where the operator wants to be asked. */
  async opens(task: string): Promise<boolean> {
    if (!this.#started && this.startAt !== undefined) {
      if (!isStart(task, this.startAt)) return false;
      this.#started = true;
    }
    if (!this.#stepping || this.step === undefined) return true;
    const answer = await this.step(task);
    if (answer === 'continue') this.#stepping = false;
    return answer !== 'no';
  }
}

/** Whether `--start-at-task` means a task: its name, with or without its role's, or a glob of it. */
export function isStart(task: string, startAt: string): boolean {
  const bare = task.replace(/^\S+ : /, '');
  if (task === startAt || bare === startAt) return true;
  if (!/[*?[]/.test(startAt)) return false;
  const pattern = startAt
    .replace(/[\\^$.+(){}|]/g, '\\$&')
    .replace(/\[!/g, '[^')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return [task, bare].some((name) => new RegExp(`^${pattern}$`, 's').test(name));
}
