/** What many runs add up to: counted, merged over processes and over invocations, and written as a table. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { SimulationResult } from './simulate.ts';

export interface Tally {
  seeds: number;
  failovers: number;
  acknowledged: number;
  events: number;
  violations: number;
  /** Processor time of all processes together, s. */
  cpuSeconds: number;
  /** How often each fault was injected. */
  faults: Record<string, number>;
}

export function newTally(): Tally {
  return { seeds: 0, failovers: 0, acknowledged: 0, events: 0, violations: 0, cpuSeconds: 0, faults: {} };
}

export function count(tally: Tally, result: SimulationResult): void {
  tally.seeds++;
  tally.failovers += result.failovers;
  tally.acknowledged += result.acknowledged;
  tally.events += result.events;
  if (result.violation) tally.violations++;
  addFaults(tally, result.faults);
}

export function merge(into: Tally, tally: Tally): void {
  into.seeds += tally.seeds;
  into.failovers += tally.failovers;
  into.acknowledged += tally.acknowledged;
  into.events += tally.events;
  into.violations += tally.violations;
  into.cpuSeconds += tally.cpuSeconds;
  addFaults(into, tally.faults);
}

function addFaults(tally: Tally, faults: Readonly<Record<string, number>>): void {
  for (const [kind, times] of Object.entries(faults)) tally.faults[kind] = (tally.faults[kind] ?? 0) + times;
}

export function format(tally: Tally): string {
  const { seeds, failovers, acknowledged, events, cpuSeconds, violations } = tally;
  const faults = Object.keys(tally.faults)
    .sort()
    .map((kind) => `${String(tally.faults[kind]).padStart(9)} ${kind}`);
  return [
    ...faults,
    `${seeds} seeds, ${failovers} failovers, ${acknowledged} acknowledged commits, ${events} events: ${violations} violations`,
    `${cpuSeconds.toFixed(1)} s of processor time: ${(failovers / cpuSeconds).toFixed(0)} failovers a second on one core`,
  ].join('\n');
}

/** Adds what was counted to what the file has, and answers the sum. */
export function addToFile(file: string, tally: Tally): Tally {
  const sum = newTally();
  try {
    merge(sum, JSON.parse(readFileSync(file, 'utf8')) as Tally);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  merge(sum, tally);
  writeFileSync(file, `${JSON.stringify(sum, null, 1)}\n`);
  return sum;
}
