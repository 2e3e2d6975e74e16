import { type ClusterSpec, instanceNames } from './cluster-spec.ts';
import type { Placement, TimelineSwitch } from './instance.ts';
import type { Lsn } from './lsn.ts';
import type { Operations } from './operations.ts';
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
  /**
   * Instances that the spec does not name any more and that are still here, oldest first: they get no vote and no
   * reads, and leave one by one.
   */
  readonly leaving: readonly string[];
  /** Timeline of the last active primary and its ancestors; 0 and [] until there was one. */
  readonly timeline: number;
  readonly timelineHistory: readonly TimelineSwitch[];
  /** Last known placement by instance name, so that a restarted control plane publishes no hole. */
  readonly placements: Readonly<Record<string, Placement>>;
  /** What people asked for, and what of it is under way. */
  readonly operations: Operations;
  /** Newest last, at most HISTORY_LIMIT. */
  readonly history: readonly HistoryEntry[];
}

export const HISTORY_LIMIT = 200;

/** Everybody who belongs to the cluster now: those of the spec, then those that leave. */
export function memberNames({ spec, leaving }: Pick<ClusterRecord, 'spec' | 'leaving'>): readonly string[] {
  return leaving.length === 0 ? instanceNames(spec) : [...instanceNames(spec), ...leaving];
}

export type FailoverCause = 'failover' | 'switchover';

/** Where the cluster is in its life. Changed only by decide(). */
export type Phase =
  /** The first primary makes its data directory. */
  | { readonly kind: 'forming'; readonly primary: string }
  /**
   * `primary` holds the epoch. While the gate is closed the rw route stays shut: it opens when k of `sync` flushed the
   * primary's end-of-recovery LSN, and only then `sync` becomes the record's own.
   */
  | { readonly kind: 'active'; readonly primary: string; readonly gate: 'closed'; readonly sync: SyncConfig }
  | { readonly kind: 'active'; readonly primary: string; readonly gate: 'open' }
  /** Switchover: rw takes no new sessions; running transactions may end for at most `waitMs`. */
  | { readonly kind: 'draining'; readonly primary: string; readonly target: string; readonly waitMs: number }
  /** Switchover: the old primary is being stopped. */
  | { readonly kind: 'stopping'; readonly primary: string; readonly target: string }
  /** A new epoch was begun: voters promise it. */
  | {
      readonly kind: 'fencing';
      readonly cause: FailoverCause;
      /** The last active primary, whose timeline is the recorded one. */
      readonly from: string;
      /**
       * The one instance whose data alone is known to be complete: `from`, or the candidate of an epoch whose
       * promotion may have happened without being recorded.
       */
      readonly authority: string;
      /** Preferred among equals (the target of a switchover); '' = none. */
      readonly prefer: string;
      /** The candidate first gets what one that may not lead holds; absent = nobody has to. */
      readonly catchUp?: CatchUp;
    }
  | {
      readonly kind: 'promoting';
      readonly cause: FailoverCause;
      readonly from: string;
      readonly candidate: string;
      /** The candidate's position when it was chosen. */
      readonly lsn: Lsn;
      /** What the candidate waits for from its first commit on. */
      readonly sync: SyncConfig;
    };

/** `candidate` streams from `from` until it holds WAL up to `lsn`. Both promised the epoch. */
export interface CatchUp {
  readonly candidate: string;
  readonly from: string;
  readonly lsn: Lsn;
}

/** One decision, as shown to people. */
export interface HistoryEntry {
  /** Wall clock, ms since 1970; for display only. */
  readonly at: number;
  readonly epoch: number;
  readonly kind: string;
  /** One sentence: what was decided and why. */
  readonly reason: string;
  /** Of the decision that ended a change of primary, where it was seen to begin. */
  readonly change?: PrimaryChange | undefined;
}

export const CHANGE_CAUSES = ['failover', 'switchover', 'restart'] as const;

/** A failover, a switchover or a restart of the primary in its place that ended with rw open. */
export interface PrimaryChange {
  readonly cause: (typeof CHANGE_CAUSES)[number];
  readonly from: string;
  /** Of a restart the same. */
  readonly to: string;
  /** In their order. Together they are the time from the first sign, or the request, until rw was let open. */
  readonly phases: readonly PhaseDuration[];
}

export const CHANGE_PHASES = [
  /** Of a failover: from the first sign that the primary is gone until the new epoch was stored. */
  'detected',
  /** Of a switchover: transactions ended. */
  'drained',
  /**
   * Of a switchover: the old primary was stopped, and the target had its last record. Of a restart that was asked for:
   * it was stopped.
   */
  'stopped',
  /** Of a restart after a clean stop: it ran again, and enough standbys held what it holds: rw was let open. */
  'restarted',
  /** The same after a crash, which PostgreSQL had to recover from. */
  'recovered',
  /** Enough voters promised. */
  'fenced',
  /** The choice was stored. */
  'chosen',
  /** The new primary had ended its recovery. */
  'promoted',
  /** Enough standbys held what it holds: rw was let open. */
  'opened',
  /** The chosen one could not take over: another epoch began. */
  'given up',
] as const;

export interface PhaseDuration {
  readonly name: (typeof CHANGE_PHASES)[number];
  readonly tookMs: number;
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
