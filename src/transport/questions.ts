import pLimit from 'p-limit';
import type { Secret } from '../values/secret.js';

/** A terminal on which the operator can be asked. */
export interface Terminal {
  /** True for a yes. */
  confirm(question: string): Promise<boolean>;
  /** What is typed, unseen. */
  secret(prompt: string): Promise<Secret>;
}

/** Asks one question at a time, and each only once, however many hosts wait for its answer. */
export class Questions {
  readonly #inTurn = pLimit(1);
  readonly #asked = new Map<string, Promise<unknown>>();

  constructor(private readonly terminal: Terminal) {}

  confirm(question: string): Promise<boolean> {
    return this.#once(question, () => this.terminal.confirm(question));
  }

  secret(prompt: string): Promise<Secret> {
    return this.#once(prompt, () => this.terminal.secret(prompt));
  }

  #once<T>(question: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#asked.get(question) as Promise<T> | undefined;
    if (known) return known;
    const answer = this.#inTurn(ask);
    this.#asked.set(question, answer);
    return answer;
  }
}
