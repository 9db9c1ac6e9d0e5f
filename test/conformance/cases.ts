import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One playbook, with what it needs, run by Ansible and here. */
export interface Case {
  readonly topic: string;
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** What is not compared, since it is not the same in any two runs. */
  readonly skips: readonly string[];
  /** What is known to differ: `exit`, `order`, `results`, `recap`, `vars`, `files`; with the reason. */
  readonly deviates: Readonly<Record<string, string>>;
}

const FOLDER = join(import.meta.dirname, 'cases');

function parse(topic: string, text: string): Case[] {
  return text
    .split(/^#### /m)
    .slice(1)
    .map((part) => {
      const [name = '', ...lines] = part.split('\n');
      const files: Record<string, string> = {};
      const args: string[] = [];
      const deviates: Record<string, string> = {};
      const skips: string[] = [];
      let file = 'site.yml';
      for (const line of lines) {
        const [, key, value = ''] = /^#: (\w+) (.*)$/.exec(line) ?? [];
        if (key === 'file') file = value;
        else if (key === 'args') args.push(...value.split(' '));
        else if (key === 'skips') skips.push(value.split(': ')[0] ?? '');
        else if (key === 'deviates') {
          const [what = '', why = ''] = value.split(': ');
          for (const one of what.split(', ')) deviates[one] = why;
        } else files[file] = `${files[file] ?? ''}${line}\n`;
      }
      return { topic, name, files, args, deviates, skips };
    });
}

/** All cases, by topic: `cases/<topic>.cases` holds several, each after a line `#### name`. */
export function allCases(): Case[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.cases'))
    .sort()
    .flatMap((name) =>
      parse(name.slice(0, -'.cases'.length), readFileSync(join(FOLDER, name), 'utf8')),
    );
}
