/** A random number from 0 up to 1. */
export type Random = () => number;

/** First wait before a server that said no is asked again. */
const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * How long to wait before attempt number `attempt` (from 0): doubling, with a jitter that keeps
 * those who were refused together from coming back together.
 */
export function backoffMs(attempt: number, random: Random): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return longest / 2 + (random() * longest) / 2;
}
