import type { SshOption } from '../port.js';
import { HONOURED } from './options.js';

const YES_NO = ['yes', 'no', 'true', 'false'];

/** Options whose values are words of ssh's own, in any case: the multistate tables of readconf.c. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  addressfamily: ['any', 'inet', 'inet6'],
  batchmode: YES_NO,
  canonicalizehostname: [...YES_NO, 'always'],
  forwardx11: YES_NO,
  hashknownhosts: YES_NO,
  hostbasedauthentication: YES_NO,
  identitiesonly: YES_NO,
  kbdinteractiveauthentication: YES_NO,
  passwordauthentication: YES_NO,
  proxyusefdpass: YES_NO,
  pubkeyauthentication: [...YES_NO, 'unbound', 'host-bound'],
  stricthostkeychecking: [...YES_NO, 'ask', 'accept-new', 'off'],
  tunnel: [...YES_NO, 'point-to-point', 'ethernet'],
  verifyhostkeydns: [...YES_NO, 'ask'],
};
const SAME: Readonly<Record<string, string>> = { true: 'yes', false: 'no' };

/** Options of which one line has several values. */
const LISTS = new Set(['globalknownhostsfile', 'userknownhostsfile']);

const LARGEST = 2 ** 31 - 1;
const COUNT = /^\d+$/;
/** ssh's times: `90`, `1m30s`. */
const TIME = /^(\d+[smhdw]?)+$/i;

const NUMBERS: Readonly<Record<string, { form: RegExp; least: number; most: number }>> = {
  connecttimeout: { form: TIME, least: 0, most: LARGEST },
  port: { form: COUNT, least: 1, most: 65_535 },
  serveralivecountmax: { form: COUNT, least: 0, most: LARGEST },
  serveraliveinterval: { form: TIME, least: 0, most: LARGEST },
};

/** The option with its value as ssh takes it: `true` is `yes`, `false` is `no`, and case is nothing. */
export function inOwnWords<Option extends SshOption>(option: Option): Option {
  if (!(option.keyword in WORDS)) return option;
  const values = option.values.map((value) => value.toLowerCase());
  return { ...option, values: values.map((value) => SAME[value] ?? value) };
}

/** Why ssh does not take what an option is set to, or undefined. */
export function whyRefused({ keyword, values }: SshOption): string | undefined {
  const [value = '', ...more] = values;
  const shown = `${keyword} ${values.join(' ')}`.trim();
  if (HONOURED.has(keyword) && values.includes('')) return `${keyword} has no value`;
  const isOne = keyword in WORDS || (HONOURED.has(keyword) && !LISTS.has(keyword));
  // Of a ProxyJump ssh takes the first word.
  if (isOne && more.length > 0 && keyword !== 'proxyjump') return `${shown} is more than one value`;
  const words = WORDS[keyword];
  if (words && !words.includes(value.toLowerCase()))
    return `${shown} is none of ${words.join(', ')}`;
  return isNumber(keyword, value) ? undefined : `${shown} is no number that it may be`;
}

function isNumber(keyword: string, value: string): boolean {
  const range = NUMBERS[keyword];
  if (!range || (range.form === TIME && value === 'none')) return true;
  const number = secondsOf(value);
  return range.form.test(value) && number >= range.least && number <= range.most;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** A number or a time that {@link whyRefused} has nothing against. */
export function secondsOf(value: string): number {
  return [...value.matchAll(/(\d+)([smhdw]?)/gi)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit.toLowerCase()] ?? 1),
    0,
  );
}
