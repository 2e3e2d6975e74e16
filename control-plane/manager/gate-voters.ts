/**
 * Whom a primary waits for while its gate is closed, when those that it was told can't be had. Names outside of the
 * stored voters may be among them as long as every commit is found by each promise quorum of the stored ones. Pure.
 */
import type { Phase } from '../model/cluster-record.ts';
import { goalId } from '../model/goal.ts';
import { promiseQuorum, type SyncConfig, sameSync } from '../model/sync.ts';
import { leadGoal } from './goals.ts';
import { type ClusterState, observed } from './state.ts';
import { isInForce, wantedSync } from './sync-plan.ts';

type Closed = Extract<Phase, { kind: 'active'; gate: 'closed' }>;

/** Other voters for a gate that can't open with the ones it has; null = leave them. */
export function votersWhileClosed(state: ClusterState, phase: Closed, now: number): SyncConfig | null {
  const { primary, sync: told } = phase;
  const stored = state.record.sync;
  const best = wantedSync(state, primary, now);
  if (sameSync(best, told)) return null;
  if (stored.voters.length === 0) return best;
  const here = told.voters.filter((name) => observed(state, name).missingSince === null);
  if (here.length >= told.k && told.voters.length >= told.k) return null;
  // One that is to give its vote up keeps it where the gate could not open without: else nobody could ever give it up.
  const staying = here.filter((name) => stored.voters.includes(name));
  const wanted =
    permitted(stored, primary, told, best) ??
    permitted(stored, primary, told, { voters: [...new Set([...best.voters, ...staying])], k: best.k });
  if (!wanted || sameSync(wanted, told)) return null;
  // What was told before this must be gone from every walsender: only two settings may meet.
  if (!isInForce(state, primary, goalId(leadGoal(state, primary, told)))) return null;
  if (keepsQuorums(stored, primary, either(told, wanted))) return wanted;
  // By way of what both have: until every walsender knows it, commits wait for all of those that are left.
  const both = told.voters.filter((name) => wanted.voters.includes(name));
  return both.length > 0 ? { voters: both, k: told.k } : null;
}

/** Of the best voters those that are stored, and as many others as may be, first the ones that were told already. */
function permitted(stored: SyncConfig, primary: string, told: SyncConfig, best: SyncConfig): SyncConfig | null {
  const voters = best.voters.filter((name) => stored.voters.includes(name));
  const others = best.voters.filter((name) => !stored.voters.includes(name));
  for (const name of [...others].sort((a, b) => rank(told, a) - rank(told, b))) {
    if (keepsQuorums(stored, primary, { voters: [...voters, name], k: best.k })) voters.push(name);
  }
  const wanted = { voters: voters.sort(), k: best.k };
  return voters.length >= best.k && keepsQuorums(stored, primary, wanted) ? wanted : null;
}

function rank(told: SyncConfig, name: string): number {
  return told.voters.includes(name) ? 0 : 1;
}

/**
 * A commit that the primary acknowledges under `told` is found by every promise quorum of `stored`: the primary has
 * it, and of told's k at least k less the outsiders.
 */
function keepsQuorums(stored: SyncConfig, primary: string, told: SyncConfig): boolean {
  const outsiders = told.voters.filter((name) => !stored.voters.includes(name)).length;
  const holders = (stored.voters.includes(primary) ? 1 : 0) + Math.max(0, told.k - outsiders);
  return holders + promiseQuorum(stored) > stored.voters.length;
}

/**
 * All that can release a commit while one setting follows another: each walsender reads them when it gets to it, and
 * counts every one that counts by what that one has read.
 */
function either(a: SyncConfig, b: SyncConfig): SyncConfig {
  return { voters: [...new Set([...a.voters, ...b.voters])], k: Math.min(a.k, b.k) };
}
