import { readdir } from 'node:fs/promises';
import { extname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { CaravanError } from '../values/error.js';
import { expandHome } from '../values/home-path.js';
import type { JsonObject } from '../values/json.js';
import { readControllerFile, type ControllerFile } from './controller-file.js';
import type { ModuleContext, TaskModule } from './module.js';

const input = z
  .strictObject({
    /** A file of the controller. */
    file: z.string().optional(),
    /** A folder of it: all its files of variables, in the order of their names. */
    dir: z.string().optional(),
    /** Variable that holds them all (default: each is one). */
    name: z.string().optional(),
    extensions: z.array(z.string()).default(['yaml', 'yml', 'json']),
  })
  .refine(({ file, dir }) => (file === undefined) !== (dir === undefined), {
    message: "needs either 'file' or 'dir'",
  });

type Input = z.infer<typeof input>;

interface Seen {
  readonly vars: Record<string, unknown>;
  readonly files: readonly string[];
}

async function filesOf(
  { file, dir, extensions }: Input,
  context: ModuleContext,
): Promise<ControllerFile[]> {
  if (file !== undefined) return [readControllerFile(file, 'vars', context)];
  const { folders = [process.cwd()] } = context;
  const wanted = expandHome(dir ?? '');
  const places = isAbsolute(wanted)
    ? [wanted]
    : folders.flatMap((folder) => [join(folder, 'vars', wanted), join(folder, wanted)]);
  for (const place of places) {
    const names = await readdir(place).catch(() => undefined);
    const found = names?.filter((name) => extensions.includes(extname(name).slice(1))).sort();
    if (found !== undefined)
      return found.map((name) => readControllerFile(join(place, name), 'vars', context));
  }
  throw new CaravanError('input', `include_vars: there is no folder ${wanted}`, {
    hint: `looked for ${places.join(', ')}`,
  });
}

/** Reads variables. */
export const includeVars: TaskModule<Input, Seen> = {
  name: 'include_vars',
  doc: 'Sets variables from files of the controller for the rest of the run.',
  input,
  freeForm: 'file',
  observe: async (given, context) => {
    const files = await filesOf(given, context);
    const read = (text: string, path: string): unknown =>
      context.readVars?.(text, path) ?? parse(text, { version: '1.1' });
    const maps = files.map(({ path, content }) => {
      const value = read(content.toString('utf8'), path) ?? {};
      if (typeof value === 'object' && !Array.isArray(value))
        return value as Record<string, unknown>;
      throw new CaravanError('input', `include_vars: ${path} holds no mapping of variables`);
    });
    return {
      vars: Object.assign({}, ...maps) as Record<string, unknown>,
      files: files.map(({ path }) => path),
    };
  },
  check: ({ vars, files }, { name }) => {
    const facts = (name === undefined ? vars : { [name]: vars }) as JsonObject;
    return {
      changes: [],
      facts,
      result: { ansible_facts: facts, ansible_included_var_files: files },
    };
  },
  apply: () => Promise.resolve({}),
};
