import { parse, parseDocument, visit, type Document, type Node } from 'yaml';
import { CaravanError } from '../values/error.js';

/** One replacement in a text: what stands from `start` to `end` becomes `with`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

/** The text with all replacements made; they must not overlap. */
export function spliced(text: string, splices: readonly Splice[]): string {
  return [...splices]
    .sort((a, b) => b.start - a.start)
    .reduce((out, one) => out.slice(0, one.start) + one.with + out.slice(one.end), text);
}

/**
 * The YAML document of a text, with the ranges of its nodes.
 *
 * @throws CaravanError `input` with line and column. The message quotes nothing of the text, which
 * may hold keys.
 */
export function readYaml(text: string, what: string): Document {
  const document = parseDocument(text, { prettyErrors: false });
  const [problem] = document.errors;
  if (!problem) return document;
  const before = text.slice(0, problem.pos[0]).split('\n');
  const place = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
  throw new CaravanError('input', `The ${what} is not YAML at ${place} (${problem.code}).`);
}

/**
 * Refuses a part of a document that holds YAML aliases: what it says stands elsewhere, where a
 * reader of this part does not see it and an edit would change more than was meant.
 *
 * @throws CaravanError `input` where it holds one.
 */
export function refuseAliases(part: Document | Node, what: string): void {
  visit(part, {
    Alias: (_key, { source }) => {
      throw new CaravanError('input', `The ${what} uses the YAML alias *${source}.`, {
        hint: 'Write out what the alias stands for.',
      });
    },
  });
}

/** Where the line that holds a position starts. */
export function lineStart(text: string, position: number): number {
  return text.lastIndexOf('\n', position - 1) + 1;
}

/** Where the line that holds a position ends, its line end included. */
export function lineEnd(text: string, position: number): number {
  const end = text.indexOf('\n', position);
  return end < 0 ? text.length : end + 1;
}

/** The position after the last character of a node's value that is no white space. */
export function trimmedEnd(text: string, range: readonly [number, number, ...number[]]): number {
  let end = range[1];
  while (end > range[0] && /\s/.test(text[end - 1] ?? '')) end -= 1;
  return end;
}

/** Puts lines after the line that holds `position`. */
export function linesAfter(text: string, position: number, lines: readonly string[]): Splice {
  const at = lineEnd(text, position);
  return { start: at, end: at, with: lines.map((line) => line + eolOf(text)).join('') };
}

/** Takes out the lines from the one that holds `start` to the one that holds `last`. */
export function cutLines(text: string, start: number, last: number): Splice {
  return { start: lineStart(text, start), end: lineEnd(text, last), with: '' };
}

function eolOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** An edit that can rely on every line having a line end; one missing at the end stays missing. */
export function editLines(text: string, edit: (closed: string) => string): string {
  if (text.endsWith('\n')) return edit(text);
  const eol = eolOf(text);
  return edit(text + eol).slice(0, -eol.length);
}

/** A string in double quotes that every YAML reader takes for that string. */
export function quotedYaml(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A string as YAML: as it is where YAML 1.1 and 1.2 read it back as the same string, else quoted. */
export function yamlText(text: string): string {
  const plain = /^[A-Za-z0-9/-][A-Za-z0-9_@%+=.,/()$:-]*$/.test(text) && !/^-$|:$/.test(text);
  const same = plain && parse(text) === text && parse(text, { version: '1.1' }) === text;
  return same ? text : quotedYaml(text);
}
