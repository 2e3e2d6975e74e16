/**
 * At most one failover in a while because of silence: a network that comes and goes must not move the primary each
 * time. The record remembers the last one, so that a restarted control plane does too; it counts the time anew then,
 * because no clock is trusted over a restart.
 */
import type { ClusterRecord } from '../model/cluster-record.ts';
import { type Decision, move, newEpoch } from './decision.ts';
import type { ClusterState } from './state.ts';

/** When a failover because of silence may be next, monotonic ms; null = now. */
export function restsUntil(state: ClusterState, now: number): number | null {
  if (state.record.operations.silentEpoch === null || state.silenceSince === null) return null;
  const until = state.silenceSince + state.record.spec.failover.restAfterSilenceMs;
  return now < until ? until : null;
}

/** Since when the record's silent epoch is known here. */
export function silenceSince(state: ClusterState, record: ClusterRecord, now: number): number | null {
  const { silentEpoch } = record.operations;
  if (silentEpoch === null) return null;
  return silentEpoch === state.record.operations.silentEpoch ? (state.silenceSince ?? now) : now;
}

/** A failover because of silence, from which on the next one rests. */
export function failOverSilent(state: ClusterState, primary: string, reason: string): Decision {
  const { operations, epoch } = state.record;
  const record = { ...state.record, operations: { ...operations, silentEpoch: epoch + 1 } };
  return newEpoch({ ...state, record }, { cause: 'failover', from: primary, authority: primary, prefer: '' }, reason);
}

/** The rest is over: it is stored, lest a restarted control plane rest again. null = it isn't. */
export function endRest(state: ClusterState, now: number): Decision | null {
  const { operations, spec } = state.record;
  if (operations.silentEpoch === null || restsUntil(state, now) !== null) return null;
  const reason = `no failover because of silence for ${spec.failover.restAfterSilenceMs / 1000} s: the next may come at once`;
  return move(state, 'rested', reason, { operations: { ...operations, silentEpoch: null } });
}
