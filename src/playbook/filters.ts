import { ADDRESS_FILTERS } from './filters/addresses.js';
import { FORMATS } from './filters/formats.js';
import { LIST_FILTERS, LIST_TESTS } from './filters/lists.js';
import { NUMBER_FILTERS, NUMBER_TESTS } from './filters/numbers.js';
import { joinWith, TEXT_FILTERS, TEXT_TESTS } from './filters/texts.js';
import type { TemplateFunction } from './filters/values.js';

/** Ansible's filters that minijinja lacks, or has in another form. All are pure. */
export const FILTERS: Readonly<Record<string, TemplateFunction>> = {
  ...FORMATS,
  ...TEXT_FILTERS,
  ...LIST_FILTERS,
  ...NUMBER_FILTERS,
  ...ADDRESS_FILTERS,
  join: joinWith,
};

/** Ansible's tests that minijinja lacks. */
export const TESTS: Readonly<Record<string, TemplateFunction>> = {
  ...TEXT_TESTS,
  ...LIST_TESTS,
  ...NUMBER_TESTS,
};

/** Names that minijinja itself has, for hints at misspelt ones. */
export const BUILTIN_FILTERS: readonly string[] = (
  'abs attr batch capitalize chain count d default dictsort escape first float groupby indent items ' +
  'last length lines list lower map max min pprint reject rejectattr replace reverse round safe ' +
  'select selectattr slice sort split string striptags title tojson trim truncate upper'
).split(' ');

/** The same for tests. */
export const BUILTIN_TESTS: readonly string[] = (
  'boolean defined divisibleby endingwith eq equalto even false float ge gt in integer iterable le ' +
  'lower lt mapping ne none number odd sameas sequence startingwith string true undefined upper'
).split(' ');
