/**
 * Makes the schedule of a failing seed as small as it gets: faults are left out, in halves, quarters and at last one by
 * one, as long as the same promise is broken. Leaving one out changes the times of all that follows, so each attempt
 * has a few courses to fail in.
 */
import { specOf } from './cluster.ts';
import { type Fault, formatFault } from './faults.ts';
import { Random } from './kernel.ts';
import { scheduleOf } from './schedule.ts';
import { type SimulationResult, simulate } from './simulate.ts';

export interface Shrunk {
  /** Which faults of the seed's schedule are left, by index. */
  readonly kept: readonly number[];
  readonly variant: number;
  readonly result: SimulationResult;
  readonly runs: number;
}

const COURSES = 3;
const RUNS_LIMIT = 400;

/** @param run tells what a part of the schedule leads to. Default: the simulation. */
export async function shrink(seed: number, violation: string, run: typeof attempt = attempt): Promise<Shrunk> {
  const broken = promiseOf(violation);
  let runs = 0;
  const fails = async (kept: readonly number[]): Promise<Omit<Shrunk, 'runs'> | null> => {
    for (let variant = 0; variant < COURSES && runs < RUNS_LIMIT; variant++) {
      runs++;
      const result = await run(seed, kept, variant);
      if (result.violation !== null && promiseOf(result.violation) === broken) return { kept, variant, result };
    }
    return null;
  };
  const all = scheduleOfSeed(seed).map((_, index) => index);
  let best = (await fails(all)) ?? { kept: all, variant: 0, result: await run(seed, all, 0) };
  for (let size = Math.ceil(best.kept.length / 2); size >= 1 && runs < RUNS_LIMIT; ) {
    let found: Omit<Shrunk, 'runs'> | null = null;
    for (let at = 0; at < best.kept.length && !found; at += size) {
      found = await fails([...best.kept.slice(0, at), ...best.kept.slice(at + size)]);
    }
    if (found) best = found;
    else if (size === 1) break;
    else size = Math.ceil(size / 2);
  }
  return { ...best, runs };
}

/** A run with a part of its seed's schedule. */
export function attempt(seed: number, kept: readonly number[], variant: number): Promise<SimulationResult> {
  const schedule = scheduleOfSeed(seed);
  return simulate(seed, { schedule: kept.map((index) => schedule[index]!), variant });
}

export function scheduleOfSeed(seed: number): Fault[] {
  return scheduleOf(new Random(~seed), specOf(new Random(seed)));
}

/** How a person reads and repeats it. */
export function formatShrunk(seed: number, { kept, variant, result, runs }: Shrunk, lastEvents: number): string {
  const schedule = scheduleOfSeed(seed);
  return [
    ...result.trace.slice(-lastEvents),
    `seed ${seed} with ${kept.length} of its ${schedule.length} faults (${runs} runs to find them):`,
    ...kept.map((index) => `  ${formatFault(schedule[index]!)}`),
    `again: npm run simulate -- --seed ${seed} --faults ${kept.join(',') || 'none'} --course ${variant}`,
  ].join('\n');
}

/** Which promise is broken, without who broke it. */
function promiseOf(violation: string): string {
  return violation.split(':')[0]!;
}
