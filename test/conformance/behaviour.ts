/** A behaviour of the protocol: a sentence that holds in some variants, and the play that shows it. */
import type { Variant } from './client.ts';
import { VARIANTS } from './client.ts';
import type { Stage } from './stage.ts';

export interface Behaviour {
  /** A sentence about the server. */
  readonly name: string;
  readonly variants: readonly Variant[];
  /** Throws when it does not hold. */
  run(stage: Stage): Promise<void>;
}

export interface Chapter {
  readonly title: string;
  readonly behaviours: readonly Behaviour[];
}

const { sotwAggregated, deltaAggregated, sotwPerType, deltaPerType } = VARIANTS;
export const ALL = Object.values(VARIANTS);
export const SOTW = [sotwAggregated, sotwPerType];
export const DELTA = [deltaAggregated, deltaPerType];
export const AGGREGATED = [sotwAggregated, deltaAggregated];
export const PER_TYPE = [sotwPerType, deltaPerType];
export const SOTW_AGGREGATED = [sotwAggregated];

export function behaviour(name: string, variants: readonly Variant[], run: (stage: Stage) => Promise<void>): Behaviour {
  return { name, variants, run };
}
