import { isMap, isScalar, type Node, type Pair, type YAMLMap } from 'yaml';
import { CaravanError } from '../values/error.js';
import {
  cutLines,
  editLines,
  linesAfter,
  lineStart,
  quotedYaml,
  readYaml,
  spliced,
  trimmedEnd,
  yamlText,
  type Splice,
} from './splice.js';

const WHAT = 'static pod manifest';

function refuse(problem: string): CaravanError {
  return new CaravanError('input', `The ${WHAT} ${problem}.`, {
    hint: 'Write metadata one entry a line, as kubeadm does.',
  });
}

/** Where a key starts and ends, where its value does, and the value as text. */
interface Entry {
  readonly key: string;
  readonly start: number;
  readonly keyEnd: number;
  /** End of the value, or of the key where there is none. */
  readonly end: number;
  readonly value: unknown;
  readonly node: Node | null;
}

function entryOf(manifest: string, pair: Pair): Entry {
  const { key, value } = pair;
  if (!isScalar(key) || !key.range) throw refuse('has a key that is not a plain one');
  const node = value as Node | null;
  const empty = !node?.range || node.range[0] === node.range[1];
  return {
    key: String(key.value),
    start: key.range[0],
    keyEnd: key.range[1],
    end: empty || !node.range ? key.range[1] : trimmedEnd(manifest, node.range),
    value: isScalar(node) ? node.value : undefined,
    node: empty ? null : node,
  };
}

function entriesOf(manifest: string, map: YAMLMap): Entry[] {
  return map.items.map((pair) => entryOf(manifest, pair));
}

function afterColon(manifest: string, entry: Entry): number {
  return manifest.indexOf(':', entry.keyEnd) + 1;
}

function indentOf(manifest: string, entry: Entry): string {
  const before = manifest.slice(lineStart(manifest, entry.start), entry.start);
  if (before.trim() !== '') throw refuse('has more than one entry of metadata on a line');
  return before;
}

function written(manifest: string, entry: Entry, value: string): Splice[] {
  if (entry.value === value) return [];
  if (entry.node?.range) {
    return [{ start: entry.node.range[0], end: entry.end, with: quotedYaml(value) }];
  }
  const at = afterColon(manifest, entry);
  return [{ start: at, end: at, with: ` ${quotedYaml(value)}` }];
}

/** `metadata` as a block map, its entries and the position of its key. */
function metadataOf(manifest: string): { readonly at: number; readonly entries: Entry[] } {
  const { contents } = readYaml(manifest, WHAT);
  const pair = isMap(contents)
    ? contents.items.find(({ key }) => isScalar(key) && key.value === 'metadata')
    : undefined;
  if (!pair || !isMap(pair.value)) throw refuse('has no metadata');
  if (pair.value.flow === true) throw refuse('has its metadata in flow style');
  return { at: entryOf(manifest, pair).start, entries: entriesOf(manifest, pair.value) };
}

function inFlow(manifest: string, map: YAMLMap, key: string, value: string | undefined): Splice[] {
  const entries = entriesOf(manifest, map);
  const index = entries.findIndex((entry) => entry.key === key);
  const [found, before, after] = [entries[index], entries[index - 1], entries[index + 1]];
  const [open, close] = map.range ?? [0, 0];
  if (found && value !== undefined) return written(manifest, found, value);
  if (value !== undefined) {
    const last = entries.at(-1);
    const at = last ? last.end : open + 1;
    const text = `${last ? ', ' : ''}${quotedYaml(key)}: ${quotedYaml(value)}`;
    return [{ start: at, end: at, with: text }];
  }
  if (!found) return [];
  if (after) return [{ start: found.start, end: after.start, with: '' }];
  if (before) return [{ start: before.end, end: found.end, with: '' }];
  const rest = /^\s*,?/.exec(manifest.slice(found.end, close - 1))?.[0] ?? '';
  const end = rest.endsWith(',') ? found.end + rest.length : found.end;
  const left = manifest.slice(open - 1, found.start) + manifest.slice(end, close);
  // What `underEmptyKey` wrote goes as a whole.
  if (left === ' {  }') return [{ start: open - 1, end: close, with: '' }];
  return [{ start: found.start, end, with: '' }];
}

function inBlock(
  manifest: string,
  parent: Entry,
  map: YAMLMap,
  key: string,
  value: string | undefined,
): Splice[] {
  const entries = entriesOf(manifest, map);
  const found = entries.find((entry) => entry.key === key);
  if (found && value !== undefined) return written(manifest, found, value);
  if (found) {
    const from = entries.length === 1 ? parent : found;
    return [cutLines(manifest, from.start, found.end - 1)];
  }
  const last = entries.at(-1);
  if (value === undefined || !last) return [];
  const line = `${indentOf(manifest, last)}${yamlText(key)}: ${quotedYaml(value)}`;
  return [linesAfter(manifest, last.end - 1, [line])];
}

/** `annotations:` without a value: a flow map, so that taking it away leaves the key as it was. */
function underEmptyKey(manifest: string, entry: Entry, key: string, value: string): Splice[] {
  const at = afterColon(manifest, entry);
  return [{ start: at, end: at, with: ` { ${quotedYaml(key)}: ${quotedYaml(value)} }` }];
}

function edits(manifest: string, key: string, value: string | undefined): Splice[] {
  const { at, entries } = metadataOf(manifest);
  const [first, found] = [entries[0], entries.find((entry) => entry.key === 'annotations')];
  if (found && isMap(found.node)) {
    return found.node.flow === true
      ? inFlow(manifest, found.node, key, value)
      : inBlock(manifest, found, found.node, key, value);
  }
  if (found?.node) throw refuse('has annotations that are no mapping');
  if (value === undefined || !first) return [];
  if (found) return underEmptyKey(manifest, found, key, value);
  const indent = indentOf(manifest, first);
  const line = `${indent}  ${yamlText(key)}: ${quotedYaml(value)}`;
  return [linesAfter(manifest, at, [`${indent}annotations:`, line])];
}

/**
 * The manifest with an annotation set, or without it where `value` is undefined; no other line is
 * touched. `metadata.annotations` comes where it is missing and goes when it becomes empty. Taking
 * away what was added gives the original bytes back.
 *
 * @throws CaravanError `input` when the text is not YAML, or has no metadata in block style.
 */
export function setAnnotation(manifest: string, key: string, value: string | undefined): string {
  const edited = editLines(manifest, (text) => spliced(text, edits(text, key, value)));
  if (readYaml(edited, WHAT).getIn(['metadata', 'annotations', key]) !== value) {
    throw new CaravanError('bug', `Editing the annotation ${key} did not give what was asked for.`);
  }
  return edited;
}
