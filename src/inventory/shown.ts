const LETTERS = 80;

/** Text for an error: the first 80 letters of a long one. */
export function shown(text: string): string {
  return text.length <= LETTERS ? text : `${text.slice(0, LETTERS)}... (${text.length} letters)`;
}
