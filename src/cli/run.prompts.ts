import { UnsafeText } from '../inventory/marked-text.js';
import type { Play, Playbook, Prompt, Vars } from '../playbook/model.js';
import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import { askPassword, askText } from './run.password.js';

async function askOnce(prompt: Prompt, text: string): Promise<string | Secret> {
  return prompt.isPrivate ? askPassword(text) : askText(text);
}

function plain(answer: string | Secret): string {
  return typeof answer === 'string' ? answer : answer.reveal();
}

async function ask(prompt: Prompt): Promise<unknown> {
  const { name, text, source, fallback, confirm, unsafe } = prompt;
  if (!process.stdin.isTTY)
    throw new CaravanError('input', `vars_prompt: '${name}' cannot be asked: no terminal`, {
      source,
      hint: `give it with -e ${name}=...`,
    });
  const shown = fallback === undefined ? `${text}: ` : `${text} [${fallback}]: `;
  for (;;) {
    const answer = await askOnce(prompt, shown);
    if (confirm && plain(answer) !== plain(await askOnce(prompt, `confirm ${shown}`))) {
      process.stderr.write('The two are not the same.\n');
      continue;
    }
    const given = plain(answer) === '' && fallback !== undefined ? fallback : answer;
    return unsafe && typeof given === 'string' ? new UnsafeText(given) : given;
  }
}

/** Each answer once, also where several plays ask for it under one name and text. */
class Answers {
  readonly #known = new Map<string, unknown>();

  constructor(readonly given: Readonly<Record<string, unknown>>) {}

  async vars(prompts: readonly Prompt[]): Promise<Vars> {
    const vars: Record<string, Vars[string]> = {};
    for (const prompt of prompts) {
      if (Object.hasOwn(this.given, prompt.name)) continue;
      const { name, text, source } = prompt;
      const key = JSON.stringify([name, text]);
      if (!this.#known.has(key)) this.#known.set(key, await ask(prompt));
      vars[name] = { value: this.#known.get(key), source };
    }
    return vars;
  }
}

async function answered(playbook: Playbook, answers: Answers): Promise<Playbook> {
  const entries: Playbook['entries'][number][] = [];
  for (const entry of playbook.entries)
    entries.push(
      entry.kind === 'import'
        ? { ...entry, playbook: await answered(entry.playbook, answers) }
        : await answeredPlay(entry, answers),
    );
  return { ...playbook, entries };
}

async function answeredPlay(play: Play, answers: Answers): Promise<Play> {
  if (play.prompts.length === 0) return play;
  return { ...play, vars: { ...play.vars, ...(await answers.vars(play.prompts)) } };
}

/**
 * Asks what `vars_prompt` of the plays asks for, before anything runs, and puts the answers among
 * their variables. What is not shown while it is typed is a secret. What `extra` gives is not asked.
 * @throws CaravanError input where there is no terminal to ask on.
 */
export function askPrompts(
  playbook: Playbook,
  extra: Readonly<Record<string, unknown>>,
): Promise<Playbook> {
  return answered(playbook, new Answers(extra));
}
