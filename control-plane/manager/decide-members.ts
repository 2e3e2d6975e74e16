/**
 * Instances that leave: standbys first, then the primary by a switchover. Each step is one change of the record; before
 * it nothing has happened that deciding again would not find.
 */
import { goalId } from '../model/goal.ts';
import { beginSwitchover, checkSwitchover } from './decide-switchover.ts';
import { type Decision, move, stay } from './decision.ts';
import { hasNoVote, retireGoal } from './membership.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** One that has no vote and whose agent is not there is waited for this long, ms; it holds nothing that is needed. */
export const LEAVE_WAIT_MS = 10_000;
/** Between two attempts to move the primary, ms. */
const MOVE_REST_MS = 1_000;

/** null: nobody leaves. The phase is active, the gate open, and the voters are as they should be. */
export function decideMembers(state: ClusterState, primary: string, now: number): Decision | null {
  const { leaving, placements } = state.record;
  if (leaving.length === 0) return null;
  const standbys = leaving.filter((name) => name !== primary);
  for (const name of standbys) {
    const why = whyGone(state, primary, name, now);
    if (why === null) continue;
    const { [name]: _left, ...others } = placements;
    return move(state, 'left', why, { leaving: leaving.filter((other) => other !== name), placements: others });
  }
  if (standbys.length > 0) return stay(waitsFor(state, standbys), { wakeAt: waitEnds(state, standbys, now) });
  return movePrimary(state, primary, now);
}

/** Why an instance is a member no more; null = it still is. */
function whyGone(state: ClusterState, primary: string, name: string, now: number): string | null {
  const goal = retireGoal(state, name);
  const progress = liveReport(state, name)?.goal;
  if (goal && progress?.id === goalId(goal) && progress.status === 'done') {
    return `${name} left the cluster: it is stopped and its data directory is kept aside`;
  }
  const { link } = observed(state, name);
  if (link.kind === 'up' || !hasNoVote(state, primary, name)) return null;
  if (now - awaySince(state, name) < LEAVE_WAIT_MS) return null;
  return `${name} left the cluster: its agent is not there, and its data stays where it is`;
}

function awaySince(state: ClusterState, name: string): number {
  const { link } = observed(state, name);
  return link.kind === 'down'
    ? Math.max(link.since, state.phaseSince)
    : Math.max(state.observedSince, state.phaseSince);
}

function waitsFor(state: ClusterState, standbys: readonly string[]): string {
  const voting = standbys.filter((name) => state.record.sync.voters.includes(name));
  if (voting.length === 0) return `${standbys.join(', ')} leave the cluster`;
  return `${voting.join(', ')} leave the cluster as soon as commits can wait for others`;
}

function waitEnds(state: ClusterState, standbys: readonly string[], now: number): number | null {
  const ends = standbys
    .filter((name) => observed(state, name).link.kind !== 'up')
    .map((name) => awaySince(state, name) + LEAVE_WAIT_MS)
    .filter((at) => at > now);
  return ends.length > 0 ? Math.min(...ends) : null;
}

function movePrimary(state: ClusterState, primary: string, now: number): Decision {
  const { target, forbidden } = checkSwitchover(state, { to: '', waitMs: 0 });
  if (forbidden.length > 0)
    return stay(`${primary} leads and is to leave, but can't hand over: ${forbidden.join('; ')}`);
  const due = state.phaseSince + MOVE_REST_MS;
  if (now < due) return stay(`${primary} leads and is to leave: it hands over soon`, { wakeAt: due });
  return beginSwitchover(state, primary, target, 0);
}
