import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { didYouMean } from '../playbook/nearest.js';
import type { LookupCall } from '../playbook/scope.js';
import { renderTemplate, variableOf } from '../playbook/template.js';
import { CaravanError } from '../values/error.js';
import { expandHome } from '../values/home-path.js';

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
  if (name === 'dict')
    return terms.flatMap((term) =>
      Object.entries(term as object).map(([key, value]) => ({ key, value: value as unknown })),
    );
  const look = LOOKUPS[name];
  if (look !== undefined) return terms.flat().map((term) => look(String(term), lookup));
  const known = [...Object.keys(LOOKUPS), 'items', 'list', 'flattened', 'dict', 'first_found'];
  throw new CaravanError('input', `lookup: there is no '${name}'`, {
    hint: didYouMean(name, known),
  });
}
