import { Command } from 'commander';
import * as z from 'zod';
import type { AnyModule } from '../modules/module.js';
import { didYouMean } from '../playbook/nearest.js';
import { CaravanError } from '../values/error.js';
import { allModules } from './run.js';

interface Field {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Field[];
  readonly items?: Field;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
}

function typeOf(field: Field): string {
  if (field.enum !== undefined) return field.enum.map(String).join(' | ');
  if (field.anyOf !== undefined) return [...new Set(field.anyOf.map(typeOf))].join(' or ');
  if (field.type === 'array')
    return `list of ${field.items === undefined ? 'any' : typeOf(field.items)}`;
  return field.type === undefined ? 'any' : String(field.type);
}

function fieldLine(name: string, field: Field, isNeeded: boolean, width: number): string {
  const more = [
    ...(isNeeded ? ['needed'] : []),
    ...(field.default === undefined ? [] : [`default ${JSON.stringify(field.default)}`]),
  ];
  return `  ${name.padEnd(width)}  ${typeOf(field)}${more.length > 0 ? ` (${more.join(', ')})` : ''}`;
}

/** The documentation of a module, made of its schema. */
export function moduleText(module: AnyModule): string {
  const schema = z.toJSONSchema(module.input, { io: 'input', unrepresentable: 'any' }) as Field;
  const fields = Object.entries(schema.properties ?? {});
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  const lines = fields.map(([name, field]) => {
    const isNeeded = schema.required?.includes(name) === true && field.default === undefined;
    return fieldLine(name, field, isNeeded, width);
  });
  const aliases = Object.entries(module.aliases ?? {}).map(
    ([alias, name]) => `${alias} is ${name}`,
  );
  return [
    `${module.name}: ${module.doc}`,
    ...lines,
    ...(module.freeForm === undefined ? [] : [`  A bare string is '${module.freeForm}'.`]),
    ...(aliases.length > 0 ? [`  Other names: ${aliases.join(', ')}.`] : []),
    '',
  ].join('\n');
}

/** `caravan modules`: what tasks may name. */
export function modulesCommand(): Command {
  return new Command('modules')
    .description('list the modules, or print the arguments of one')
    .argument('[name]')
    .action((name: string | undefined) => {
      const modules = [...allModules({ inventory: ['.'] })].sort((a, b) =>
        a.name < b.name ? -1 : 1,
      );
      if (name === undefined) {
        const width = Math.max(...modules.map((module) => module.name.length));
        for (const module of modules)
          process.stdout.write(`${module.name.padEnd(width)}  ${module.doc}\n`);
        return;
      }
      const short = name.replace(/^ansible\.(builtin|legacy)\./, '');
      const found = modules.find((module) => module.name === short);
      if (found === undefined)
        throw new CaravanError('input', `there is no module '${name}'`, {
          hint: didYouMean(
            short,
            modules.map((module) => module.name),
          ),
        });
      process.stdout.write(moduleText(found));
    });
}
