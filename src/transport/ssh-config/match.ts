import { CaravanError } from '../../values/error.js';
import type { ConfigLine } from './lines.js';
import { patternListMatches } from './patterns.js';
import { localUser } from './tokens.js';

/** What is known of a destination when a `Host` or `Match` line is reached. */
export interface MatchState {
  /** The name that was asked for. */
  readonly destination: string;
  /** What `Host` is about. */
  readonly asked: string;
  /** `HostName` as far as it is known, else the destination. */
  readonly hostName: string;
  readonly user: string | undefined;
  readonly finalPass: boolean;
}

/** Whether the lines below apply. */
export interface Matched {
  readonly applies: boolean;
  /** `Match final` was met: the files are to be read once more. */
  readonly wantsFinal?: boolean;
  /** A criterion that only ssh itself can judge. */
  readonly undecided?: string;
}

/** Judges a `Host` or `Match` line as ssh_config(5) says. */
export function matchLine(line: ConfigLine, state: MatchState): Matched {
  if (line.keyword === 'host') return { applies: patternListMatches(line.values, state.asked) };
  let applies = true;
  let wantsFinal = false;
  const rest = criteriaOf(line);
  for (const { name, negated, value } of rest) {
    if (name === 'final') wantsFinal = true;
    const met = criterionMet(name, value, state);
    if (met === undefined && applies)
      return { applies: false, wantsFinal, undecided: `Match ${name} (${line.source})` };
    if (met === negated) applies = false;
  }
  return { applies, wantsFinal };
}

interface Criterion {
  readonly name: string;
  readonly negated: boolean;
  readonly value: string;
}

const ALONE = ['all', 'canonical', 'final'];

function criteriaOf({ values, source }: ConfigLine): Criterion[] {
  const criteria: Criterion[] = [];
  const words = [...values];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, not = '', name = '', inline] = /^(!?)([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const attribute = name.toLowerCase();
    const value = ALONE.includes(attribute) ? '' : (inline ?? words.shift());
    if (value === undefined)
      throw new CaravanError('input', `${source}: Match ${name} has no value`);
    criteria.push({ name: attribute, negated: not === '!', value });
  }
  return criteria;
}

/** Undefined for one that is not known here, such as `exec`. */
function criterionMet(name: string, value: string, state: MatchState): boolean | undefined {
  const patterns = value.split(',');
  switch (name) {
    case 'all':
      return true;
    case 'canonical':
    case 'final':
      return state.finalPass;
    case 'host':
      return hostMatches(patterns, state.hostName);
    case 'originalhost':
      return hostMatches(patterns, state.destination);
    case 'user':
      return patternListMatches(patterns, state.user ?? localUser());
    case 'localuser':
      return patternListMatches(patterns, localUser());
    default:
      return undefined;
  }
}

function hostMatches(patterns: readonly string[], name: string): boolean {
  const lower = patterns.map((pattern) => pattern.toLowerCase());
  return patternListMatches(lower, name.toLowerCase());
}
