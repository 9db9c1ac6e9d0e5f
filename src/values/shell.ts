import { CaravanError } from './error.js';

/** A piece of POSIX shell text. Only this module makes one, so that nothing unquoted gets in. */
export class Script {
  private constructor(readonly text: string) {}

  /** For {@link sh} alone. */
  static of(text: string): Script {
    return new Script(text);
  }

  toString(): string {
    return this.text;
  }
}

/** What can stand in a `sh` template: a word, a list of words, or shell text made by `sh` itself. */
export type ShellValue = string | number | readonly (string | number)[] | Script;

/**
 * One word, quoted for any POSIX shell: `'...'` with `'\''` inside. (zx's `quote` writes `$'...'`,
 * which is a syntax error in dash.)
 */
export function quoteWord(word: string | number): string {
  const text = String(word);
  if (text.includes('\0')) throw nulInside();
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The text is not named: it may be a secret of `environment`. */
function nulInside(): CaravanError {
  return new CaravanError(
    'input',
    'a NUL character was found in a command, a path or a value of the environment; none can hold one',
    { hint: 'Take it out ("\\0" in YAML). Standard input and contents of files may hold it.' },
  );
}

function render(value: ShellValue): string {
  if (value instanceof Script) return value.text;
  if (typeof value === 'object') return value.map(quoteWord).join(' ');
  return quoteWord(value);
}

/**
 * POSIX shell text with every value quoted as one word (a list as several words).
 * The text may be a whole script: ``sh`cat ${path}` ``.
 */
export function sh(strings: TemplateStringsArray, ...values: ShellValue[]): Script {
  return Script.of(
    strings.reduce((text, part, i) => text + render(values[i - 1] as ShellValue) + part),
  );
}

/** Several scripts as one, a line each. (Joined scripts are joined again: `+` copies no text.) */
export function joinScripts([first, ...rest]: readonly Script[]): Script {
  return Script.of(rest.reduce((text, script) => `${text}\n${script.text}`, first?.text ?? ''));
}

/** A pipeline that ends with the exit code of its first part, for which POSIX shells have no option. */
export function pipeFrom(first: Script, rest: Script): Script {
  return sh`exec 3>&1
code=$({ { ${first} 3>&- || echo $? >&4; } | ${rest} >&3; } 4>&1)
exit "\${code:-0}"`;
}
