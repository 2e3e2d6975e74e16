import type { ClusterSpec } from './cluster-spec.ts';
import type { Placement, TimelineSwitch } from './instance.ts';
import type { Lsn } from './lsn.ts';
import type { SyncConfig } from './sync.ts';

/**
 * The durable truth about one cluster: one record in the store, changed only by compare-and-swap on its revision.
 * A restarted control plane goes on from this record alone.
 */
export interface ClusterRecord {
  readonly spec: ClusterSpec;
  /** PostgreSQL's system identifier, decimal; '' until the first primary told it. */
  readonly systemId: string;
  /** Rises by one with each change of primary. 0 = no primary was ever chosen. */
  readonly epoch: number;
  readonly phase: Phase;
  /**
   * Voters and k as stored. A superset of what PostgreSQL waits for at every instant: voters are stored before they
   * enter synchronous_standby_names, and leave it before they leave the store.
   */
  readonly sync: SyncConfig;
  /** Timeline of the last active primary and its ancestors; 0 and [] until there was one. */
  readonly timeline: number;
  readonly timelineHistory: readonly TimelineSwitch[];
  /** Last known placement by instance name, so that a restarted control plane publishes no hole. */
  readonly placements: Readonly<Record<string, Placement>>;
  /** Newest last, at most HISTORY_LIMIT. */
  readonly history: readonly HistoryEntry[];
}

export const HISTORY_LIMIT = 200;

export type FailoverCause = 'failover' | 'switchover';

/** Where the cluster is in its life. Changed only by decide(). */
export type Phase =
  /** The first primary makes its data directory. */
  | { readonly kind: 'forming'; readonly primary: string }
  /**
   * `primary` holds the epoch. Gate closed: the rw route stays shut until k voters flushed its end-of-recovery LSN.
   * `startedBoot`: the agent boot whose PostgreSQL the gate was opened for ('' while closed).
   */
  | { readonly kind: 'active'; readonly primary: string; readonly gate: 'closed' | 'open'; readonly since: number }
  /** Switchover: rw takes no new sessions, running transactions may end until the limit. */
  | { readonly kind: 'draining'; readonly primary: string; readonly target: string; readonly waitMs: number }
  /** Switchover: the old primary is being stopped. */
  | { readonly kind: 'stopping'; readonly primary: string; readonly target: string }
  /** A new epoch was begun: voters promise it. `from`: the old primary. */
  | {
      readonly kind: 'fencing';
      readonly from: string;
      readonly cause: FailoverCause;
      /** Preferred among equals (switchover's target); '' = none. */
      readonly prefer: string;
      /** A promotion of the epoch before this one may have happened without being recorded. */
      readonly unconfirmed: string;
    }
  | {
      readonly kind: 'promoting';
      readonly from: string;
      readonly candidate: string;
      readonly cause: FailoverCause;
      /** The candidate's position when it was chosen. */
      readonly lsn: Lsn;
    };

/** One decision, as shown to people. */
export interface HistoryEntry {
  /** Wall clock, ms since 1970; for display only. */
  readonly at: number;
  readonly epoch: number;
  readonly kind: string;
  /** One sentence: what was decided and why. */
  readonly reason: string;
}

/** The instance that holds or is about to hold the cluster's writes; '' while none is chosen. */
export function primaryOf(phase: Phase): string {
  switch (phase.kind) {
    case 'forming':
    case 'active':
    case 'draining':
    case 'stopping':
      return phase.primary;
    case 'fencing':
      return '';
    case 'promoting':
      return phase.candidate;
  }
}
