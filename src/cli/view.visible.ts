import { stripVTControlCharacters } from 'node:util';

/**
 * What a host printed, as it may go to a terminal: without sequences that would move the cursor or
 * rename the window, and of a line that overwrote itself what it last said.
 */
export function visible(text: string): string {
  // Nearly all text: looking once costs less than three replacements.
  if (!/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(text)) return text;
  return stripVTControlCharacters(text)
    .replace(/\r\n/g, '\n')
    .replace(/[^\n]*\r(?=[^\n])/g, '')
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '');
}
