import { Secret, SECRET_TEXT } from '../values/secret.js';
import type { CaravanError } from '../values/error.js';
import type { ShownChange, ShownError } from './events.js';
import type { Change } from '../modules/module.js';

/** What stands in the place of anything that `no_log` hides. */
export const HIDDEN = '[hidden by no_log]';

/** Secrets shorter than this would blank out half of every text. */
const SHORTEST_SCRUBBED = 4;

/** Takes every secret that a run knows out of what is shown or stored. */
export class Scrubber {
  readonly #known = new Set<string>();

  /** Learns the secrets in a value, however deep. */
  learn(value: unknown, depth = 0): void {
    if (value instanceof Secret) {
      const text = (value as Secret<string | Buffer>).reveal().toString();
      if (text.length >= SHORTEST_SCRUBBED) this.#known.add(text);
    } else if (value !== null && typeof value === 'object' && depth < 20)
      for (const item of Object.values(value)) this.learn(item, depth + 1);
  }

  text(text: string): string {
    let shown = text;
    for (const secret of this.#known) shown = shown.replaceAll(secret, SECRET_TEXT);
    return shown;
  }

  /** A value without secrets, as JSON can hold it: a copy where it had some. */
  value<T>(value: T): T {
    return this.#known.size === 0 && !holdsSecret(value) ? value : (this.#copy(value) as T);
  }

  #copy(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (value instanceof Secret) return SECRET_TEXT;
    if (Array.isArray(value)) return value.map((item) => this.#copy(item));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([key, item]) => [key, this.#copy(item)]);
    return Object.fromEntries(entries) as unknown;
  }
}

function holdsSecret(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (value instanceof Secret) return true;
  for (const key in value) if (holdsSecret(value[key as keyof typeof value])) return true;
  return false;
}

/** How much of a task may be shown. */
export interface Showing {
  readonly noLog: boolean;
  readonly diff: boolean;
  readonly scrubber: Scrubber;
  /** Where the task stands: an error that stands right there says no place of its own. */
  readonly source?: string;
}

/** Changes as they may be shown. */
export function showChanges(changes: readonly Change[], showing: Showing): ShownChange[] {
  if (showing.noLog) return changes.map(() => ({ summary: HIDDEN }));
  return changes.map(({ summary, diff }) =>
    showing.scrubber.value({ summary, ...(showing.diff && diff !== undefined ? { diff } : {}) }),
  );
}

/** An error as it may be shown. */
export function showError(error: CaravanError, showing: Showing): ShownError {
  if (showing.noLog) return { kind: error.kind, message: HIDDEN };
  const { hint, source } = error.detail;
  return showing.scrubber.value({
    kind: error.kind,
    message: error.message,
    ...(hint === undefined ? {} : { hint }),
    ...(source === undefined || source === showing.source ? {} : { source }),
  });
}
