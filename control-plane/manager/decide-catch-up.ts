/**
 * A voter that may not lead can hold commits that no other has. The candidate gets them from it before it leads: both
 * promised the epoch, so nothing else is added meanwhile.
 */
import type { CatchUp, Phase } from '../model/cluster-record.ts';
import { goalId } from '../model/goal.ts';
import { formatLsn } from '../model/lsn.ts';
import type { Contender } from './candidates.ts';
import { type Decision, move, newEpoch, stay } from './decision.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** A candidate that didn't get what it lacks in this time, ms, is chosen anew. */
const CATCH_UP_LIMIT_MS = 30_000;

type Fencing = Extract<Phase, { kind: 'fencing' }>;

/** What one holds that may not lead goes to the candidate first. */
export function catchUp(state: ClusterState, phase: Fencing, candidate: Contender, ahead: Contender): Decision {
  const { instance: from, lsn } = ahead;
  const { instance } = candidate;
  const why = `${from} holds WAL up to ${formatLsn(lsn)} and ${ahead.barred}: ${instance}, at ${formatLsn(candidate.lsn)}, gets the rest from it before it leads`;
  return move(state, 'catch-up', why, { phase: { ...phase, catchUp: { candidate: instance, from, lsn } } });
}

/** null: the candidate has it. */
export function waitForCatchUp(
  state: ClusterState,
  { catchUp: _former, ...phase }: Fencing,
  { candidate, from, lsn }: CatchUp,
  now: number,
): Decision | null {
  const report = liveReport(state, candidate);
  const goal = { kind: 'fence', epoch: state.record.epoch, catchUp: { from, lsn } } as const;
  if (report?.goal?.id === goalId(goal) && report.goal.status === 'done') return null;
  const lost = [candidate, from].find((name) => observed(state, name).link.kind === 'down');
  if (lost !== undefined) return move(state, 'catch-up', `the agent of ${lost} is gone: it is chosen again`, { phase });
  const ends = state.phaseSince + CATCH_UP_LIMIT_MS;
  if (now >= ends) {
    const { kind: _kind, ...rest } = phase;
    return newEpoch(state, rest, `${candidate} did not get what ${from} holds in time: voters are asked again`);
  }
  return stay(`${candidate} gets WAL up to ${formatLsn(lsn)} from ${from}`, { wakeAt: ends });
}
