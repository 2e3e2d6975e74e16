import type { TimelineSwitch } from './instance.ts';
import { formatLsn, type Lsn } from './lsn.ts';
import { formatSync, type SyncConfig } from './sync.ts';

/**
 * What the control plane wants of one instance: a state to reach and hold, not a step to run once. An agent holds one
 * goal at a time, the newest; giving it the same again changes nothing, so a goal may be sent as often as one likes.
 * An agent refuses a goal whose epoch is below its promise.
 */
export type Goal = FenceGoal | LeadGoal | FollowGoal | StopGoal | RetireGoal;

/**
 * Promise the epoch on disk; receive no WAL any more (primary_conninfo empty, WAL receiver gone, replay drained);
 * a PostgreSQL that runs as primary is stopped at once (immediate). A stopped standby is started without a source so
 * that its position can be told. Done when `promisedEpoch` >= epoch and all that holds.
 */
export interface FenceGoal {
  readonly kind: 'fence';
  readonly epoch: number;
  /** Before it is done: stream from an instance that promised too, until WAL up to `lsn` is here. Absent = don't. */
  readonly catchUp?: { readonly from: string; readonly lsn: Lsn };
  /** Instances that stream from this one meanwhile: each gets a replication slot. Absent = none. */
  readonly serves?: readonly string[];
}

/**
 * Be the primary: initdb if `create` and there is no data directory; set `sync` first, then promote a standby or start
 * a stopped primary. Done when PostgreSQL takes writes with `sync` in force.
 */
export interface LeadGoal {
  readonly kind: 'lead';
  readonly epoch: number;
  readonly sync: SyncConfig;
  /** Make the cluster's first data directory. Only ever true before the system identifier is known. */
  readonly create: boolean;
  /**
   * May start a PostgreSQL that is stopped. Never while clients are let in: crash recovery shows rows that no standby
   * has.
   */
  readonly start: boolean;
  /** All other instances: each gets a replication slot. */
  readonly members: readonly string[];
}

/**
 * Be a standby of `primary` through the local Envoy's replication port. Without a data directory: pg_basebackup.
 * Diverged (own WAL beyond a fork in `history`): pg_rewind, and when that fails a basebackup beside the kept directory.
 */
export interface FollowGoal {
  readonly kind: 'follow';
  readonly epoch: number;
  readonly primary: string;
  readonly systemId: string;
  /** The primary's timeline and its ancestors; 0 and [] while it is being promoted: only a reconnect is safe then. */
  readonly timeline: number;
  readonly history: readonly TimelineSwitch[];
  /** The primary takes writes and checkpointed on its timeline: pg_basebackup and pg_rewind may start. */
  readonly sourceReady: boolean;
  /** Another standby that it streams from. Absent = `primary`. */
  readonly source?: string;
  /** Instances that stream from this one: each gets a replication slot. Absent = none. */
  readonly serves?: readonly string[];
  /** Instances that stream from this one if it leads the next epoch: their slots are made beforehand. Absent = none. */
  readonly successors?: readonly string[];
}

/** Stop PostgreSQL with a fast shutdown and stay stopped (switchover). Done when the control file says clean. */
export interface StopGoal {
  readonly kind: 'stop';
  readonly epoch: number;
}

/**
 * Leave the cluster, or be copied anew: PostgreSQL stopped and its data directory kept under another name, never
 * deleted. Only for one that has no vote, or without whose vote there are too few anyhow. Done when there is no data directory any more.
 */
export interface RetireGoal {
  readonly kind: 'retire';
  readonly epoch: number;
}

/** Idempotency id: equal goals have equal ids, and a person can read it. */
export function goalId(goal: Goal): string {
  const head = `e${goal.epoch}/${goal.kind}`;
  switch (goal.kind) {
    case 'fence': {
      const { catchUp } = goal;
      return `${head}${catchUp ? `/from-${catchUp.from}/${formatLsn(catchUp.lsn)}` : ''}${namesText('serves', goal.serves)}`;
    }
    case 'stop':
    case 'retire':
      return head;
    case 'lead':
      return `${head}/${goal.create ? 'create/' : ''}${goal.start ? 'start/' : ''}${formatSync(goal.sync)}/${goal.members.join(',')}`;
    case 'follow': {
      return `${head}/${goal.primary}/t${goal.timeline}/${historyText(goal.history)}/${goal.sourceReady ? 'ready' : 'early'}${goal.source ? `/from-${goal.source}` : ''}${namesText('serves', goal.serves)}${namesText('next', goal.successors)}`;
    }
  }
}

function namesText(what: 'serves' | 'next', names: readonly string[] = []): string {
  return names.length > 0 ? `/${what}-${names.join(',')}` : '';
}

/** By history: it has one more line with each promotion, and ids of goals are compared at every step. */
const historyTexts = new WeakMap<readonly TimelineSwitch[], string>();

function historyText(history: readonly TimelineSwitch[]): string {
  let text = historyTexts.get(history);
  if (text === undefined) {
    text = history.map((s) => `${s.timeline}@${formatLsn(s.endLsn)}`).join(',');
    historyTexts.set(history, text);
  }
  return text;
}
