import { InvalidArgumentError, Option } from 'commander';

/** A whole number above 0. @throws InvalidArgumentError which commander shows with the option. */
export function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('must be a whole number above 0');
}

/** One more value of an option that may be repeated. */
export const append = (value: string, all: readonly string[]): string[] => [...all, value];

/** Hosts at once, as `serial` of a play takes it. @throws InvalidArgumentError */
export function serial(value: string): string {
  if (/^[1-9]\d*%?$/.test(value)) return value;
  throw new InvalidArgumentError('must be a whole number above 0, or a percentage such as 10%');
}

/** How much is shown: `-v` to `-vvvv`, as a number from 0. */
export function verboseOption(): Option {
  return new Option(
    '-v, --verbose',
    'results of what changed or failed; -vv: all results, places, reasons; -vvv: each host by itself, with the time; -vvvv: records, results as JSON',
  )
    .argParser((_, before: number) => before + 1)
    .default(0);
}
