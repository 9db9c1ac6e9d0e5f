import type { Connection } from '../transport/port.js';
import { CaravanError } from '../values/error.js';
import { joinScripts, sh, type Script } from '../values/shell.js';
import { readFact, type Fact, type FactReader } from './fact.js';

/** A home in front of a path, or a variable in it. */
const WORDS = /^~(?:[A-Za-z_][\w.-]*)?(?=\/|$)|\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})/g;

/** Whether only the host can tell which path is meant. */
export function isUnexpanded(path: string): boolean {
  return path.search(WORDS) >= 0;
}

/** Ends a value: a variable's may hold a line end. */
const END = '\u001e\n';

function bare(word: string): string {
  return word.replace(/[${}]/g, '');
}

/** Prints what a word stands for, after a `=`; nothing of that where it is not known. */
function says(word: string): Script {
  if (word === '~') return sh`printf '=%s\\036\\n' "$HOME"`;
  if (!word.startsWith('~')) return sh`printf '%s\\036\\n' "\${${bare(word)}+=$${bare(word)}}"`;
  return sh`h=$(eval echo ${word}); [ "$h" = ${word} ] && h= || h="=$h"; printf '%s\\036\\n' "$h"`;
}

function meaning(words: readonly string[]): Fact<ReadonlyMap<string, string>> {
  return {
    name: 'words of paths',
    command: joinScripts(words.map(says)),
    parse: ({ stdout }) => {
      const values = stdout.split(END);
      return new Map(
        words.flatMap((word, i) => {
          const value = values[i] ?? '';
          return value.startsWith('=') ? [[word, value.slice(1)] as const] : [];
        }),
      );
    },
  };
}

/**
 * Paths of a host with `~`, `~user`, `$NAME` and `${NAME}` in them as they are there, as Ansible's
 * type `path` has it: a variable that is not set stays as written. A round trip only where a path
 * holds one.
 * @throws CaravanError input where the host has no such user
 */
export async function expandPaths(
  paths: readonly string[],
  connection: Connection | (Connection & FactReader),
): Promise<string[]> {
  const words = [...new Set(paths.flatMap((path) => path.match(WORDS) ?? []))];
  if (words.length === 0) return [...paths];
  const known = await readFact(connection, meaning(words));
  return paths.map(
    (path) =>
      path.replace(WORDS, (word) => {
        const value = known.get(word);
        if (!word.startsWith('~')) return value ?? word;
        if (value !== undefined) return value.replace(/\/+$/, '');
        throw new CaravanError('input', `path '${path}': the host has no user '${word.slice(1)}'`);
      }) || '/',
  );
}
