/** Flags with a form of their own. What they throw, main turns into exit code 2. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from './output/units.ts';

/** Milliseconds of `500ms`, `10s`, `2m`, `1h`. */
export function durationArgument(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Write a number and a unit: 500ms, 10s, 2m or 1h.');
  return ms;
}

/** For a flag that may be given several times. */
export function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text];
}

/** A number of things: parser of a flag that takes a whole number between `least` and `most`. */
export function countArgument(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`);
  };
}
