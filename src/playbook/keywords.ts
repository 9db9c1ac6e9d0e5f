import { holdsTemplate } from './check-args.js';
import type { Keywords, Located } from './model.js';
import { yamlType, type YamlFields } from './yaml-fields.js';

type KeywordType = 'boolean' | 'number' | 'string';

interface Keyword {
  readonly field: keyof Keywords;
  readonly type: KeywordType;
}

/** What plays, roles, blocks and tasks may say alike; the innermost wins. By its name in YAML. */
const KEYWORDS: Readonly<Record<string, Keyword>> = {
  become: { field: 'become', type: 'boolean' },
  become_user: { field: 'becomeUser', type: 'string' },
  become_method: { field: 'becomeMethod', type: 'string' },
  connection: { field: 'connection', type: 'string' },
  remote_user: { field: 'remoteUser', type: 'string' },
  no_log: { field: 'noLog', type: 'boolean' },
  ignore_errors: { field: 'ignoreErrors', type: 'boolean' },
  ignore_unreachable: { field: 'ignoreUnreachable', type: 'boolean' },
  any_errors_fatal: { field: 'anyErrorsFatal', type: 'boolean' },
  run_once: { field: 'runOnce', type: 'boolean' },
  check_mode: { field: 'checkMode', type: 'boolean' },
  diff: { field: 'diff', type: 'boolean' },
  throttle: { field: 'throttle', type: 'number' },
  timeout: { field: 'timeoutSeconds', type: 'number' },
};

/** The keys of plays, blocks and tasks that {@link readKeywords} reads. */
export const KEYWORD_KEYS: readonly string[] = Object.keys(KEYWORDS);

/** Keywords as they stand, by field: plain values checked, templates for the run to resolve. */
export type GivenKeywords = Readonly<Partial<Record<keyof Keywords, Located>>>;

function typed(value: unknown, type: KeywordType): unknown {
  switch (type) {
    case 'boolean':
      if (typeof value === 'boolean') return value;
      if (value === 1 || /^(yes|true|on|1|y|t)$/i.test(String(value))) return true;
      if (value === 0 || /^(no|false|off|0|n|f|)$/i.test(String(value))) return false;
      return undefined;
    case 'number': {
      const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
      return Number.isFinite(number) ? number : undefined;
    }
    case 'string':
      return ['string', 'number'].includes(typeof value) ? String(value) : undefined;
  }
}

const TYPE_NAMES = { boolean: 'true or false', number: 'a number', string: 'a string' };

/**
 * The keywords of a play, block or task, over those of what is around it.
 * @throws CaravanError input where a plain value is of another type.
 */
export function readKeywords(fields: YamlFields, outer: GivenKeywords): GivenKeywords {
  const found: Partial<Record<keyof Keywords, Located>> = { ...outer };
  for (const [key, { field, type }] of Object.entries(KEYWORDS)) {
    const located = fields.located(key);
    if (located === undefined || located.value === null) continue;
    const value = holdsTemplate(located.value) ? located.value : typed(located.value, type);
    if (value === undefined)
      throw fields.yaml.fail(
        fields.child(key),
        `${fields.what}: '${key}' must be ${TYPE_NAMES[type]}; found ${yamlType(located.value)}`,
      );
    found[field] = { value, source: located.source };
  }
  return found;
}

/** Keywords in two parts: what is known, and what only a run can tell. */
export function splitKeywords(given: GivenKeywords): {
  readonly known: Partial<Keywords>;
  readonly templated: GivenKeywords;
} {
  const entries = Object.entries(given);
  const isTemplate = ([, located]: [string, Located]): boolean => holdsTemplate(located.value);
  return {
    known: Object.fromEntries(
      entries.filter((entry) => !isTemplate(entry)).map(([field, { value }]) => [field, value]),
    ),
    templated: Object.fromEntries(entries.filter(isTemplate)),
  };
}

/** A keyword's value as a template gave it; undefined where it is of no use for the keyword. */
export function keywordValue(field: string, value: unknown): unknown {
  const keyword = Object.values(KEYWORDS).find((one) => one.field === field);
  return keyword === undefined ? undefined : typed(value, keyword.type);
}
