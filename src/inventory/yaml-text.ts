import { type Event, EVENT_ID, getScalarValue, loadAll, parseEvents, YAMLException } from 'js-yaml';
import { CaravanError } from '../values/error.js';
import { parseAnsibleJson } from './marked-text.js';
import { ANSIBLE_SCHEMA } from './yaml-values.js';

const MAX_DEPTH = 200;
/** More nodes than this, aliases followed, is a bomb and not an inventory. */
const MAX_NODES = 5_000_000;

/**
 * The one document in a YAML or JSON text, read as PyYAML reads it; `null` for an empty text.
 * Throws a CaravanError of kind `input` with `file:line:column`.
 */
export function parseYaml(text: string, file: string): unknown {
  const json = parseJson(text);
  if (json !== undefined) return json;
  let documents: unknown[];
  try {
    documents = loadAll(text, {
      schema: ANSIBLE_SCHEMA,
      json: true,
      maxDepth: MAX_DEPTH,
      maxTotalMergeKeys: 200_000,
    });
  } catch (thrown) {
    throw yamlError(thrown, file);
  }
  if (documents.length > 1) {
    throw new CaravanError('input', `${file} holds ${documents.length} YAML documents, not one`, {
      source: `${file}:1:1`,
      hint: 'Keep one document a file: remove the lines `---` after the first.',
    });
  }
  const value = documents[0] ?? null;
  if (text.includes('*')) refuseBomb(value, file);
  return value;
}

/** JSON is tried first, as Ansible's loader does: `1e3` is a number there and text in YAML. */
function parseJson(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return parseAnsibleJson(text);
  } catch {
    return undefined;
  }
}

function yamlError(thrown: unknown, file: string): CaravanError {
  if (thrown instanceof YAMLException) {
    const mark = thrown.mark;
    const source = mark ? `${file}:${mark.line + 1}:${mark.column + 1}` : file;
    return new CaravanError('input', `${file} is not valid YAML: ${thrown.reason}`, { source });
  }
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new CaravanError('input', `${file} cannot be read as YAML: ${reason}`, {
    source: file,
    cause: thrown,
  });
}

function refuseBomb(value: unknown, file: string): void {
  const sizes = new Map<object, number>();
  const size = (node: unknown, depth: number): number => {
    if (typeof node !== 'object' || node === null) return 1;
    if (depth > MAX_DEPTH) return Infinity;
    const known = sizes.get(node);
    if (known !== undefined) return known;
    sizes.set(node, Infinity); // what is met again while it is measured holds itself
    let sum = 1;
    for (const part of Object.values(node)) sum += size(part, depth + 1);
    sizes.set(node, sum);
    return sum;
  };
  if (size(value, 0) <= MAX_NODES) return;
  throw new CaravanError(
    'input',
    `${file} grows past ${MAX_NODES} values or ${MAX_DEPTH} levels when its YAML aliases are followed`,
    { source: file, hint: 'Aliases that hold themselves or multiply are refused.' },
  );
}

/** A text with what finding places in it needs. */
interface Indexed {
  readonly text: string;
  readonly events: readonly Event[];
  /** Offset of each line. */
  readonly lines: readonly number[];
}

/** The last one, since places are asked for file by file, and thousands may be of one file. */
let last: Indexed | undefined;

function indexed(text: string): Indexed {
  if (last?.text === text) return last;
  const lines = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
  return (last = { text, events: events(text), lines });
}

function events(text: string): readonly Event[] {
  try {
    return parseEvents(text, { maxDepth: MAX_DEPTH });
  } catch {
    return []; // text that was readable a moment ago; the file alone is still an answer
  }
}

/** `file:line:column` of the key or item that a path of keys leads to, as far as it can be followed. */
export function placeOf(text: string, file: string, path: readonly string[]): string {
  const { events: found, lines } = indexed(text);
  const offset = offsetOf(text, found, path);
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lines[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return `${file}:${low + 1}:${offset - (lines[low] ?? 0) + 1}`;
}

function offsetOf(text: string, events: readonly Event[], path: readonly string[]): number {
  let at = events.findIndex((event) => event.type !== EVENT_ID.DOCUMENT);
  let offset = 0;
  for (const key of path) {
    if (events[at]?.type !== EVENT_ID.MAPPING) break;
    at += 1;
    let found = false;
    while (at < events.length && events[at]?.type !== EVENT_ID.POP) {
      const event = events[at];
      const isKey = event?.type === EVENT_ID.SCALAR && getScalarValue(text, event) === key;
      if (isKey) offset = event.valueStart;
      at = after(events, at);
      if (isKey) {
        found = true;
        break;
      }
      at = after(events, at);
    }
    if (!found) break;
  }
  return offset;
}

/** Index behind the node that starts at `at`. */
function after(events: readonly Event[], at: number): number {
  let depth = 0;
  let i = at;
  do {
    const type = events[i]?.type;
    if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) depth += 1;
    else if (type === EVENT_ID.POP) depth -= 1;
    i += 1;
  } while (depth > 0 && i < events.length);
  return i;
}
