/**
 * Changing the voters safely. Two places hold them: the store (whose promises fence an old primary) and PostgreSQL
 * (whose flushes acknowledge a commit). The invariant, at every instant and after a crash at any step: every set of k
 * that PostgreSQL accepts meets every promise quorum of the stored voters. It holds as long as PostgreSQL's voters are
 * a subset of the stored ones and PostgreSQL's k is at least the stored k. So:
 *   add a voter: store, then PostgreSQL.      remove a voter: PostgreSQL, wait, then store.
 *   lower k:     store, then PostgreSQL.      raise k:        PostgreSQL, wait, then store.
 * "Wait": until every walsender shows the new setting, and k of the new voters flushed what was written before.
 * While nobody is stored nobody can be promoted, so the very first voters go to PostgreSQL before the store.
 */
import { type ClusterSpec, instanceNames, mayVote } from '../model/cluster-spec.ts';
import type { PrimaryState } from '../model/instance.ts';
import { NO_SYNC, type SyncConfig, sameSync } from '../model/sync.ts';
import { leavesVote } from './operations.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** A voter that stopped streaming keeps its vote this long: a restart of a standby changes nothing. */
export const VOTER_GRACE_MS = 3000;

export interface SyncPlan {
  /** What PostgreSQL is to be told. */
  readonly told: SyncConfig;
  /** What the store holds after this step; the same as before when nothing can be stored yet. */
  readonly stored: SyncConfig;
}

/**
 * One step from `stored` towards `wanted`. `confirmed`: PostgreSQL has been told exactly this, all walsenders show it
 * and its safe LSN is reached; null = nothing is confirmed.
 */
export function planSync(stored: SyncConfig, wanted: SyncConfig, confirmed: SyncConfig | null): SyncPlan {
  if (confirmed && !sameSync(confirmed, stored) && isNarrower(confirmed, stored)) {
    return planSync(confirmed, wanted, null);
  }
  if (stored.voters.length === 0) return { told: wanted, stored };
  const grown: SyncConfig = {
    voters: union(stored.voters, wanted.voters),
    k: Math.min(stored.k, wanted.k),
  };
  // Without voters nobody can be fenced or promoted: the store must know before PostgreSQL stops waiting.
  if (wanted.voters.length === 0) return { told: NO_SYNC, stored: NO_SYNC };
  return { told: wanted, stored: grown };
}

/** PostgreSQL's setting keeps every quorum of the store's: see the invariant above. */
export function isNarrower(told: SyncConfig, stored: SyncConfig): boolean {
  if (stored.voters.length === 0) return true;
  return told.k >= stored.k && told.voters.every((name) => stored.voters.includes(name));
}

/** All walsenders of the voters in force count for the quorum, and no other does. */
export function settled(primary: PrimaryState): boolean {
  const sync = primary.sync;
  if (!sync) return false;
  return primary.standbys.every(
    (s) => s.state !== 'streaming' || (s.syncState === 'quorum') === sync.voters.includes(s.name),
  );
}

/** How many of the voters have flushed up to `lsn`. */
export function flushedCount(primary: PrimaryState, sync: SyncConfig, lsn: bigint): number {
  return primary.standbys.filter((s) => sync.voters.includes(s.name) && s.flushLsn >= lsn).length;
}

/** PostgreSQL and all its walsenders go by what the goal `goalId` told, the last one that it was given. */
export function isInForce(state: ClusterState, primaryName: string, goalId: string): boolean {
  const report = liveReport(state, primaryName);
  if (report?.postgres.kind !== 'primary' || state.syncBaseline?.goalId !== goalId) return false;
  return report.goal?.id === goalId && report.goal.status === 'done' && settled(report.postgres);
}

/** What the goal `goalId` told PostgreSQL, if it is in force everywhere and safe; null = not yet. */
export function confirmedSync(state: ClusterState, primaryName: string, goalId: string): SyncConfig | null {
  const postgres = liveReport(state, primaryName)?.postgres;
  const baseline = state.syncBaseline;
  if (postgres?.kind !== 'primary' || !postgres.sync || !baseline || !isInForce(state, primaryName, goalId))
    return null;
  return flushedCount(postgres, postgres.sync, baseline.lsn) >= postgres.sync.k ? postgres.sync : null;
}

/**
 * The voters and k that the cluster should have now. Never fewer than k voters in strict mode: those of before stay,
 * dead as they may be, and commits wait for them.
 */
export function wantedSync(state: ClusterState, primaryName: string, now: number): SyncConfig {
  const { spec, sync: stored } = state.record;
  if (spec.durability.mode === 'async' || spec.durability.quorum === 0) return NO_SYNC;
  const names = instanceNames(spec).filter((name) => name !== primaryName && mayVote(spec, name));
  // One that leaves keeps its vote only while those that stay are too few.
  const leaving = state.record.leaving.filter((name) => name !== primaryName && stored.voters.includes(name));
  const primary = liveReport(state, primaryName)?.postgres;
  if (primary?.kind !== 'primary') return stored.voters.includes(primaryName) ? without(stored, primaryName) : stored;
  const streams = (name: string) => primary.standbys.some((s) => s.name === name && s.state === 'streaming');
  // A new voter must be able to promise too: its agent is here. One that already votes keeps its vote for a while.
  const mayStay = (name: string) =>
    stored.voters.includes(name)
      ? streams(name) || inGrace(state, name, now)
      : streams(name) && liveReport(state, name)?.postgres.kind === 'standby';
  const voters = names.filter((name) => !leavesVote(state.record, name) && mayStay(name));
  for (const name of leaving) {
    if (voters.length >= spec.durability.quorum) break;
    if (streams(name) || inGrace(state, name, now)) voters.push(name);
  }
  const k = wantedK(spec.durability, stored, voters.length);
  for (const name of stored.voters) {
    if (voters.length >= k) break;
    if (name !== primaryName && !voters.includes(name)) voters.push(name);
  }
  const last = (name: string) => Number(leavesVote(state.record, name));
  const others = voters.length < k ? names.sort((a, b) => last(a) - last(b)) : [];
  for (const name of others) {
    if (voters.length >= k) break;
    if (!voters.includes(name)) voters.push(name);
  }
  return k === 0 ? NO_SYNC : { voters: voters.sort(), k };
}

/** A k that was raised holds as soon as enough standbys stream: until then commits wait for as many as before. */
function wantedK({ mode, quorum }: ClusterSpec['durability'], stored: SyncConfig, streaming: number): number {
  if (mode === 'available') return Math.min(quorum, streaming);
  return stored.k > 0 && stored.k < quorum ? Math.min(quorum, Math.max(stored.k, streaming)) : quorum;
}

/** When the next voter's grace ends; null = none is in grace. */
export function graceEndsAt(state: ClusterState, now: number): number | null {
  const ends = state.record.sync.voters
    .map((name) => observed(state, name).missingSince)
    .filter((since) => since !== null)
    .map((since) => since + VOTER_GRACE_MS)
    .filter((at) => at > now);
  return ends.length > 0 ? Math.min(...ends) : null;
}

function inGrace(state: ClusterState, name: string, now: number): boolean {
  const { missingSince } = observed(state, name);
  return missingSince === null || now - missingSince < VOTER_GRACE_MS;
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}

function without(sync: SyncConfig, name: string): SyncConfig {
  return { ...sync, voters: sync.voters.filter((voter) => voter !== name) };
}
