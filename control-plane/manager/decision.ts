import type { ClusterRecord, Phase, PrimaryChange } from '../model/cluster-record.ts';
import { withoutRestart } from '../model/operations.ts';
import type { ClusterState } from './state.ts';

/** What decide() answers. Nothing in here has happened yet: the runner stores `change` first, then acts. */
export interface Decision {
  /** The next record and the history's line for it; null = the record stays. */
  readonly change: Change | null;
  /** One sentence: why the cluster is where it is, or what it waits for. */
  readonly reason: string;
  /** Instances to ask for a report out of turn. */
  readonly ask: readonly string[];
  /** Instances to knock at. */
  readonly knock: readonly string[];
  /** Instances that are to try their failed goal again. */
  readonly retry: readonly string[];
  /** When to decide again though nothing is observed, monotonic ms; null = no need. */
  readonly wakeAt: number | null;
}

export interface Change {
  readonly record: ClusterRecord;
  readonly kind: string;
  readonly reason: string;
  /** It ends a change of primary. */
  readonly change?: PrimaryChange;
}

export function stay(reason: string, extra: Partial<Omit<Decision, 'change' | 'reason'>> = {}): Decision {
  return { change: null, reason, ask: [], knock: [], retry: [], wakeAt: null, ...extra };
}

/** The step to another phase, or to another content of the record. */
export function move(state: ClusterState, kind: string, reason: string, patch: Partial<ClusterRecord>): Decision {
  return { ...stay(reason), change: { record: { ...state.record, ...patch }, kind, reason } };
}

/** The one way into a new epoch: whoever led before can gather no quorum once it is promised. */
export function newEpoch(
  state: ClusterState,
  phase: Omit<Extract<Phase, { kind: 'fencing' }>, 'kind'>,
  reason: string,
): Decision {
  const { epoch, operations } = state.record;
  return move(state, phase.cause, reason, {
    epoch: epoch + 1,
    phase: { kind: 'fencing', ...phase },
    // A promise stops the one that led, whether it was to be restarted or not.
    operations: withoutRestart(operations, phase.from),
  });
}

export function earliest(...times: readonly (number | null)[]): number | null {
  const set = times.filter((time) => time !== null);
  return set.length > 0 ? Math.min(...set) : null;
}
