/** One fault by name: what is done to a lab, and what must come of it. */
import type { ClusterStatus, InstanceStatus } from '../../control-plane/api/contract.ts';
import type { Lab, LabOptions } from './lab/lab.ts';
import type { Probe } from './probe/probe.ts';

export interface Fault {
  /** Words with hyphens. */
  readonly name: string;
  /** What happens and what is expected, one sentence for the report. */
  readonly says: string;
  /** How many epochs it may take. */
  readonly failovers: readonly [least: number, most: number];
  /** Longest time without an acknowledged write, ms; default: not judged. */
  readonly writesOutMostMs?: number;
  /** The cluster promises nothing: that commits are lost here must be seen, or the check sees nothing elsewhere. */
  readonly losesCommits?: true;
  /** A lab made for it; default: the ordinary one, which other faults used before. */
  readonly lab?: LabOptions;
  /** The lab is no good any more afterwards. */
  readonly spoils?: boolean;
  /** Why it can't be done on this machine, a sentence; undefined when it can. */
  missing?(): string | undefined;
  /** Does it, holds it and heals it. What it throws is a failed run. */
  strike(scene: Scene): Promise<void>;
}

/** A whole cluster under load, just before the fault. */
export interface Scene {
  readonly lab: Lab;
  readonly probe: Probe;
  readonly before: ClusterStatus;
  readonly primary: InstanceStatus;
  /** Names of the standbys. */
  readonly standbys: readonly string[];
  /** The fault lasts. */
  hold(ms: number): Promise<void>;
  /** A later epoch than before, with its rw route open. */
  failedOver(): Promise<ClusterStatus>;
  /** Throws with the text unless it is so. */
  expect(condition: boolean, text: string): void;
  /** Beside the figures, in the report. */
  note(text: string): void;
}
