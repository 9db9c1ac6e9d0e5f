import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { didYouMean } from '../playbook/nearest.js';
import type { LookupCall } from '../playbook/scope.js';
import { renderTemplate, variableOf } from '../playbook/template.js';
import { CaravanError } from '../values/error.js';
import { globRegex } from '../values/glob.js';
import { expandHome } from '../values/home-path.js';
import { jsonLine } from '../values/json.js';

/** A call, with the folders where files are found, the nearest first. */
interface Lookup extends LookupCall {
  readonly folders: readonly string[];
}

/** How long a program of `pipe` may take. */
const PIPE_MS = 60_000;

/** A file of the controller, found as `copy` and `template` find theirs. */
function readFound(lookup: Lookup, given: string, kind: 'files' | 'templates'): string {
  const name = expandHome(given);
  const places = isAbsolute(name)
    ? [name]
    : lookup.folders.flatMap((folder) => [join(folder, kind, name), join(folder, name)]);
  for (const path of places) {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new CaravanError('input', `lookup: read ${path}: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
  throw new CaravanError('input', `lookup: no file '${name}'`, {
    hint: `looked for ${places.join(', ')}`,
  });
}

/** Names and folders as `first_found` takes them: a list, or text with commas. */
function names(value: unknown): string[] {
  return (Array.isArray(value) ? (value as unknown[]) : [value ?? []])
    .flat()
    .flatMap((one) => String(one).split(/[,;]/))
    .map((one) => one.trim());
}

/**
 * The first file of the controller that is there, as a list of one. A loop looks in the folder that
 * its task takes files from, too.
 */
function firstFound({ terms, options, folders }: Lookup): string[] {
  const kind = options['kind'] as string | undefined;
  let isOptional = options['skip'] === true || options['errors'] === 'ignore';
  const wanted = terms.flat().flatMap((term) => {
    if (term === null || typeof term !== 'object') return names(term);
    const { files, paths, skip } = term as Record<string, unknown>;
    isOptional ||= skip === true;
    const within = names(paths);
    return within.length === 0
      ? names(files)
      : within.flatMap((path) => names(files).map((file) => join(path, file)));
  });
  const places = wanted
    .map(expandHome)
    .flatMap((name) =>
      isAbsolute(name)
        ? [name]
        : folders.flatMap((folder) =>
            kind === undefined
              ? [join(folder, name)]
              : [join(folder, kind, name), join(folder, name)],
          ),
    );
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return [found];
  if (isOptional) return [];
  throw new CaravanError('input', `lookup: none of these files is there: ${wanted.join(', ')}`, {
    hint: `looked for ${places.join(', ')}`,
  });
}

/** The files of a folder of the controller whose names match a shell glob, in the order of their names. */
function fileglob(term: string, { folders }: Lookup): string[] {
  const path = expandHome(term);
  const [folder, glob] = [dirname(path), basename(path)];
  const pattern = new RegExp(globRegex(glob), 's');
  const places = isAbsolute(path)
    ? [folder]
    : folders.flatMap((one) => [join(one, 'files', folder), join(one, folder)]);
  for (const place of places) {
    const entries = existsSync(place) ? readdirSync(place) : [];
    const found = entries
      // As in a shell, one that begins with a dot is meant only by a dot.
      .filter((name) => pattern.test(name) && (!name.startsWith('.') || glob.startsWith('.')))
      .map((name) => join(place, name))
      .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true);
    if (found.length > 0) return found.sort();
  }
  return [];
}

/** Each member of a list in each mapping, with that mapping without the list. */
function subelements([given, path, flags]: readonly unknown[]): unknown[] {
  const keys = String(path).split('.');
  const mayMiss = (flags as Record<string, unknown> | undefined)?.['skip_missing'] === true;
  const maps = Array.isArray(given) ? (given as unknown[]) : Object.values(given as object);
  return maps.flatMap((map) => {
    const item = structuredClone(map) as Record<string, unknown>;
    const holder = keys
      .slice(0, -1)
      .reduce<Record<string, unknown> | undefined>(
        (inner, key) => inner?.[key] as Record<string, unknown> | undefined,
        item,
      );
    const last = keys.at(-1) ?? '';
    const list = holder?.[last];
    if (list === undefined && mayMiss) return [];
    if (!Array.isArray(list))
      throw new CaravanError(
        'input',
        `subelements: '${String(path)}' is no list in ${jsonLine(map)}`,
      );
    delete holder?.[last];
    return list.map((member: unknown) => [item, member]);
  });
}

function pipe(command: string): string {
  try {
    return execFileSync('/bin/sh', ['-c', command], {
      encoding: 'utf8',
      timeout: PIPE_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    }).replace(/\n+$/, '');
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new CaravanError('command', `lookup: '${command}' failed: ${stderr.trim()}`, { cause });
  }
}

function variable(name: string, { scope, options }: Lookup): unknown {
  const value = variableOf(name, scope);
  if (value !== undefined) return value;
  if ('default' in options) return options['default'];
  throw new CaravanError('input', `lookup: no variable '${name}'`, {
    hint: didYouMean(name, scope.names()),
  });
}

/** Each lookup: what one term gives. All run on the controller. */
const LOOKUPS: Readonly<Record<string, (term: string, lookup: Lookup) => unknown>> = {
  file: (term, lookup) => {
    const text = readFound(lookup, term, 'files');
    return lookup.options['rstrip'] === false ? text : text.trimEnd();
  },
  template: (term, lookup) =>
    renderTemplate(readFound(lookup, term, 'templates'), term, lookup.scope),
  env: (term, { options }) => process.env[term] ?? options['default'] ?? '',
  pipe,
  vars: variable,
};

/**
 * What a lookup gives for each of its terms.
 * @throws CaravanError input for a name that is none, and where nothing is found.
 */
export function runLookup(call: LookupCall, folders: readonly string[]): unknown[] {
  const { name, terms } = call;
  const lookup = { ...call, folders };
  if (['items', 'list', 'flattened'].includes(name)) return terms.flat(name === 'list' ? 0 : 1);
  if (name === 'first_found') return firstFound(lookup);
  if (name === 'subelements') return subelements(terms);
  if (name === 'fileglob') return terms.flat().flatMap((term) => fileglob(String(term), lookup));
  if (name === 'dict')
    return terms.flatMap((term) =>
      Object.entries(term as object).map(([key, value]) => ({ key, value: value as unknown })),
    );
  const look = LOOKUPS[name];
  if (look !== undefined) return terms.flat().map((term) => look(String(term), lookup));
  const lists = ['items', 'list', 'flattened', 'dict', 'first_found', 'fileglob', 'subelements'];
  const known = [...Object.keys(LOOKUPS), ...lists];
  throw new CaravanError('input', `lookup: there is no '${name}'`, {
    hint: didYouMean(name, known),
  });
}
