import type { Play, VarsFile, Vars } from '../playbook/model.js';

/** The variables of a play, as each host of a batch has them. */
export class PlayVars {
  readonly #own = new Map<string, Vars>();
  readonly #told = new Set<string>();

  constructor(readonly play: Play) {}

  /** Those of the play, with those of the files that were found for the host. */
  of(host: string): Vars {
    return this.#own.get(host) ?? this.play.vars;
  }

  set(host: string, vars: Vars): void {
    this.#own.set(host, vars);
  }

  /** Whether this is the first time that a file is left out for a host. */
  isNews(host: string, { source }: VarsFile): boolean {
    const key = `${host}\0${source}`;
    const isNews = !this.#told.has(key);
    this.#told.add(key);
    return isNews;
  }
}
