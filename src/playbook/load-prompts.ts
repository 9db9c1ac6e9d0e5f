import type { Prompt } from './model.js';
import { listOf } from './loading.js';
import { YamlFields } from './yaml-fields.js';

const KEYS = ['name', 'prompt', 'default', 'private', 'confirm', 'unsafe'];

/** What `vars_prompt` of a play asks for. @throws CaravanError input at a mistake. */
export function loadPrompts(play: YamlFields): Prompt[] {
  if (!play.has('vars_prompt')) return [];
  return listOf(play.yaml, play.child('vars_prompt'), `'vars_prompt'`).map((item, index) => {
    const fields = new YamlFields(play.yaml, item, `question ${index + 1} of 'vars_prompt'`);
    fields.allow(KEYS);
    const name = fields.string('name');
    if (name === undefined || !/^[A-Za-z_]\w*$/.test(name))
      throw play.yaml.fail(item, `${fields.what} needs a 'name' that a variable can have`);
    const fallback = fields.string('default');
    return {
      name,
      text: fields.string('prompt') ?? name,
      source: play.yaml.at(item),
      isPrivate: fields.boolean('private') ?? true,
      confirm: fields.boolean('confirm') ?? false,
      unsafe: fields.boolean('unsafe') ?? false,
      ...(fallback === undefined ? {} : { fallback }),
    };
  });
}
