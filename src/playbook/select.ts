/** Which tags run: `-t` and `--skip-tags`. */
export interface TagChoice {
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
}

/**
 * Whether a task with these tags runs, as Ansible has it: `always` runs unless skipped by name,
 * `never` only when named, and `all`, `tagged` and `untagged` mean what they say.
 */
export function tagsSelect(own: readonly string[], choice: TagChoice): boolean {
  const wanted = choice.tags?.length ? choice.tags : ['all'];
  const isWanted =
    own.some((tag) => wanted.includes(tag)) ||
    (own.includes('always') && !own.includes('never')) ||
    (wanted.includes('all') && !own.includes('never')) ||
    (wanted.includes('tagged') && own.length > 0 && !own.includes('never')) ||
    (wanted.includes('untagged') && own.length === 0);
  if (!isWanted) return false;
  const skipped = choice.skipTags ?? [];
  if (own.some((tag) => skipped.includes(tag))) return false;
  if (skipped.includes('all')) return own.includes('always');
  return !(
    (skipped.includes('tagged') && own.length > 0) ||
    (skipped.includes('untagged') && own.length === 0)
  );
}
