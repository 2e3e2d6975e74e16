/** How long a change of primary took, from the phases that were measured. Pure. */
import type { PhaseDuration, PrimaryChange } from './cluster-record.ts';

/** Of all its rounds, ms; undefined = it had none. */
export function tookMs({ phases }: Pick<PrimaryChange, 'phases'>, name: PhaseDuration['name']): number | undefined {
  const found = phases.filter((phase) => phase.name === name);
  return found.length === 0 ? undefined : sumMs(found);
}

/** From the first sign, or the request, until rw was open, ms. */
export function totalMs({ phases }: Pick<PrimaryChange, 'phases'>): number {
  return sumMs(phases);
}

function sumMs(phases: readonly PhaseDuration[]): number {
  return phases.reduce((sum, phase) => sum + phase.tookMs, 0);
}
