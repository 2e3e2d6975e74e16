/** One way to run three instances with a primary: what a measurement needs of it. */
import type { Endpoint } from '../../cli/demo/workload.ts';

export const FAULTS = ['crash', 'instance-killed', 'frozen', 'switchover'] as const;
export type FaultName = (typeof FAULTS)[number];

export interface Contender {
  readonly name: string;
  /** For the report: versions and the settings that are not defaults. */
  readonly about: string;
  /** Where applications write and read; to be asked after start(). */
  readonly rw: Endpoint;
  readonly ro: Endpoint;
  start(): Promise<void>;
  /** Until every instance runs and the commits wait for standbys; the name of the primary. */
  whole(): Promise<string>;
  /** Makes the fault happen to the primary; the result brings back what doesn't come back by itself. */
  strike(fault: FaultName): Promise<() => Promise<void>>;
  /** Ends everything and removes it. */
  stop(): Promise<void>;
}
