/** Durations and sizes as they stand in documents: a number with a unit, no blank between. */

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `500ms`, `1.5s`, `2m`, `1h`; undefined for anything else, parts of a millisecond included. */
export function parseDuration(text: string): number | undefined {
  return scaled(DURATION.exec(text), DURATION_UNITS);
}

/** The shortest exact form: `1500ms`, `5s`, `2m`. */
export function formatDuration(ms: number): string {
  return shortest(ms, DURATION_UNITS);
}

const SIZE = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|TiB)$/;
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** Bytes of `512KiB`, `16MiB`, `1.5GiB`; undefined for anything else, parts of a byte included. */
export function parseSize(text: string): number | undefined {
  return scaled(SIZE.exec(text), SIZE_UNITS);
}

/** The shortest exact form: `1000B`, `16MiB`. */
export function formatSize(bytes: number): string {
  return shortest(bytes, SIZE_UNITS);
}

function scaled(match: RegExpExecArray | null, units: Readonly<Record<string, number>>): number | undefined {
  if (!match) return undefined;
  const value = Number(match[1]) * units[match[2]!]!;
  return Number.isSafeInteger(value) ? value : undefined;
}

function shortest(value: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, factor]) => value % factor === 0 && value >= factor);
  const [unit, factor] = fitting.at(-1) ?? Object.entries(units)[0]!;
  return `${value / factor}${unit}`;
}
