import { CaravanError } from '../values/error.js';
import { didYouMean } from './nearest.js';

/** How the lines of statements are cut: the newline behind one, the spaces before one. */
export interface BlockSpace {
  readonly trim: boolean;
  readonly lstrip: boolean;
}

/** As Ansible has it. */
export const BLOCK_SPACE: BlockSpace = { trim: true, lstrip: false };

const HEADER = '#jinja2:';
const KEYS: Readonly<Record<string, keyof BlockSpace>> = {
  trim_blocks: 'trim',
  lstrip_blocks: 'lstrip',
};

/**
 * A template file without its first line, where that is `#jinja2: trim_blocks:False`, and what it asks for.
 * @throws CaravanError input for a key that is unknown or not supported, and a value that is none.
 */
export function readHeader(whole: string, file: string): { text: string; space: BlockSpace } {
  if (!whole.startsWith(HEADER)) return { text: whole, space: BLOCK_SPACE };
  const [line = ''] = whole.split('\n', 1);
  const space = { ...BLOCK_SPACE };
  for (const pair of line.slice(HEADER.length).split(',')) {
    const [, name = pair.trim(), value = ''] = /^\s*(\w+)\s*:\s*(.*?)\s*$/.exec(pair) ?? [];
    const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
    const detail = { source: `${file}:1:1`, hint: didYouMean(name, Object.keys(KEYS)) };
    if (key === undefined)
      throw new CaravanError('input', `'${HEADER}' of a template has no '${name}' here`, detail);
    if (value !== 'True' && value !== 'False')
      throw new CaravanError('input', `'${name}' of a template is True or False, not '${value}'`, {
        source: detail.source,
      });
    space[key] = value === 'True';
  }
  return { text: whole.slice(line.length + 1), space };
}
