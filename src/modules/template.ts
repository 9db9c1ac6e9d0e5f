import { basename } from 'node:path';
import * as z from 'zod';
import { placesOf } from '../facts/file-stat.js';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { controllerMode, readControllerFile } from './controller-file.js';
import { applyFile, checkFile, fileOptions, seePlace, type SeenFile } from './write-file.js';
import type { HostChange } from './host-change.js';
import type { TaskModule } from './module.js';

const input = z.strictObject({
  ...fileOptions,
  /** A Jinja template of the controller. */
  src: z.string(),
  newline_sequence: z.enum(['\n', '\r', '\r\n']).default('\n'),
});

/** Puts a rendered template in place. */
export const template: TaskModule<z.infer<typeof input>, SeenFile, HostChange> = {
  name: 'template',
  doc: 'Renders a Jinja template of the controller and puts it in place atomically.',
  input,
  hostPaths: ['dest'],
  aliases: { path: 'dest' },
  touches: ({ stat }) => placesOf(stat),
  observe: async (given, context) => {
    const { src, dest, newline_sequence: newline } = given;
    if (context.render === undefined) throw new CaravanError('bug', 'template needs the engine');
    const file = readControllerFile(src, 'templates', context);
    const rendered = context.render(file.content.toString('utf8'), file.path);
    const isSecret = rendered instanceof Secret;
    const text = (isSecret ? rendered.reveal() : rendered).replaceAll('\n', newline);
    const content = Buffer.from(text);
    const options = { contentUpTo: Math.max(256 * 1024, content.length) };
    const name = basename(src).replace(/\.j2$/, '');
    const path = dest.endsWith('/') ? `${dest}${name}` : dest;
    const stat = await seePlace(path, options, given, context);
    const sourceMode =
      given.mode === 'preserve' ? controllerMode(src, 'templates', context) : undefined;
    return { stat, content, isSecret, sourceMode };
  },
  check: (seen, given) => checkFile('template', seen, given),
  apply: applyFile,
};
