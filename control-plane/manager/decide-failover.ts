/** A new epoch was begun: gather promises, choose, promote, confirm. */
import { memberNames, type Phase } from '../model/cluster-record.ts';
import { mayVote } from '../model/cluster-spec.ts';
import { goalId } from '../model/goal.ts';
import type { InstanceReport } from '../model/instance.ts';
import { formatLsn, type Lsn } from '../model/lsn.ts';
import type { AcceptedLoss } from '../model/operations.ts';
import { NO_SYNC, promiseQuorum, type SyncConfig } from '../model/sync.ts';
import { type Contender, chooseCandidate, contenderOf, type KnownHistory, type PassedOver } from './candidates.ts';
import { catchUp, waitForCatchUp } from './decide-catch-up.ts';
import { type Decision, move, newEpoch, stay } from './decision.ts';
import { acceptedLoss, isShutOut } from './operations.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** How long an election waits for instances that could still answer, when it could already go on without, ms. */
const STRAGGLERS_MS = 500;
/** Agents try to connect again at least once a second: so long a control plane that has just begun waits for them, ms. */
const NEWCOMERS_MS = 1_500;
/** A candidate that can't be reached is given up after this long, ms. */
const CANDIDATE_LOST_MS = 500;

type Fencing = Extract<Phase, { kind: 'fencing' }>;
type Promoting = Extract<Phase, { kind: 'promoting' }>;

export function decideFencing(state: ClusterState, phase: Fencing, now: number): Decision {
  const { record } = state;
  const promised = memberNames(record)
    .map((name) => liveReport(state, name))
    .filter((report) => report !== null)
    .filter((report) => hasPromised(report, record.epoch));
  const electors = electorsOf(state, promised);
  const waiting = waitsFor(state, phase, promised, electors, now);
  if (waiting) return waiting;
  const known = {
    timeline: record.timeline,
    history: record.timelineHistory,
    unconfirmed: phase.authority !== phase.from,
  };
  const choice = chooseCandidate(electors, known, phase.prefer);
  const catching = phase.catchUp && waitForCatchUp(state, phase, phase.catchUp, now);
  if (catching) return catching;
  const accepted = acceptedLoss(record);
  const isBidden = accepted !== null && accepted.to !== '';
  if (choice.kind === 'chosen' && choice.witnesses >= electorsNeeded(state) && !isBidden) {
    const { contender, passedOver, ahead } = choice;
    if (ahead) return catchUp(state, phase, contender, ahead);
    return promote(state, phase, contender.instance, contender.lsn, whyChosen(contender, passedOver), promised);
  }
  if (accepted) return decideLossy(state, phase, accepted, promised, known, now);
  const authority = promised.find((report) => report.instance === phase.authority);
  // A copy of its data that is running takes over sooner than it comes back itself.
  const newcomers = now < state.observedSince + NEWCOMERS_MS;
  const awaited = record.sync.voters.filter((name) => {
    const unseen = newcomers && observed(state, name).link.kind === 'unseen';
    return name !== phase.authority && (unseen || liveReport(state, name) !== null);
  });
  const until = Math.max(state.phaseSince + STRAGGLERS_MS, state.observedSince + NEWCOMERS_MS);
  if (authority && awaited.length >= electorsNeeded(state) && now < until) {
    return stay(`waiting for ${awaited.join(', ')} to promise`, { wakeAt: until });
  }
  if (authority?.postgres.kind === 'stopped') {
    const why = `${phase.authority} leads again: it wrote every commit itself, and ${electors.length} of ${electorsNeeded(state)} other voters can be heard`;
    return promote(state, phase, phase.authority, authority.postgres.checkpointLsn, why, promised);
  }
  const seen = promised.map((report) => report.instance).join(', ') || 'none';
  const passed = choice.passedOver.map(({ instance, why }) => `${instance}: ${why}`).join('; ');
  return stay(
    `no safe primary yet: ${electorsNeeded(state)} of ${record.sync.voters.join(', ') || 'no voters'}, or ${phase.authority}, must promise epoch ${record.epoch}; so far ${seen}${passed ? ` (${passed})` : ''}`,
  );
}

/** Somebody accepted that commits may be lost: whoever answered is chosen among. */
function decideLossy(
  state: ClusterState,
  phase: Fencing,
  accepted: AcceptedLoss,
  promised: readonly InstanceReport[],
  known: KnownHistory,
  now: number,
): Decision {
  const { record } = state;
  const has = (name: string) => promised.some((report) => report.instance === name);
  const awaited = memberNames(record).filter(
    (name) => liveReport(state, name) !== null && !isShutOut(record, name) && !has(name),
  );
  const until = state.phaseSince + STRAGGLERS_MS;
  if (awaited.length > 0 && now < until) return stay(`waiting for ${awaited.join(', ')} to promise`, { wakeAt: until });
  const contenders = promised
    .map((report) => contenderOf(report, record))
    .filter((contender) => contender !== null)
    .filter(({ instance }) => accepted.to === '' || accepted.to === instance);
  const choice = chooseCandidate(contenders, known, phase.prefer);
  if (choice.kind === 'none') {
    const passed = choice.passedOver.map(({ instance, why }) => `${instance}: ${why}`).join('; ');
    return stay(
      `${accepted.to || 'nobody'} that could lead has promised epoch ${record.epoch}${passed && ` (${passed})`}`,
    );
  }
  const { contender, passedOver } = choice;
  const why = `commits may be lost, as was accepted by hand: ${whyChosen(contender, passedOver)}`;
  return promote(state, phase, contender.instance, contender.lsn, why, promised);
}

function hasPromised(report: InstanceReport, epoch: number): boolean {
  return (
    report.promisedEpoch >= epoch &&
    // With what else the fence asks for behind it.
    `${report.goal?.id}/`.startsWith(`${goalId({ kind: 'fence', epoch })}/`) &&
    report.goal?.status === 'done'
  );
}

/** Whose positions count: the stored voters; in an asynchronous cluster whoever is there. */
function electorsOf(state: ClusterState, promised: readonly InstanceReport[]): Contender[] {
  const { sync, spec } = state.record;
  const counted =
    spec.durability.mode === 'async' ? promised : promised.filter((r) => sync.voters.includes(r.instance));
  return counted.map((report) => contenderOf(report, state.record)).filter((contender) => contender !== null);
}

function electorsNeeded(state: ClusterState): number {
  const { sync, spec } = state.record;
  // With no voters recorded nobody but the authority is known to hold every commit.
  if (sync.voters.length === 0) return spec.durability.mode === 'async' ? 1 : Number.POSITIVE_INFINITY;
  return promiseQuorum(sync);
}

/** Reasons to wait though somebody could be chosen. */
function waitsFor(
  state: ClusterState,
  phase: Fencing,
  promised: readonly InstanceReport[],
  electors: readonly Contender[],
  now: number,
): Decision | null {
  const elapsed = now - state.phaseSince;
  const has = (name: string) => promised.some((report) => report.instance === name);
  const async = state.record.spec.durability.mode === 'async';
  // The last primary, and whoever was told to become the next one since and may have done so unseen.
  const unheard = [...new Set([phase.from, phase.authority])].filter((name) => !has(name));
  if (async && unheard.length > 0) {
    // Nothing but its own word or the end of its lease keeps an asynchronous primary from acknowledging writes.
    // Until the first promise the standbys themselves may have renewed it.
    const { leaseMs } = state.record.spec.failover;
    const since = promised.map((report) => observed(state, report.instance).promisedSince ?? now);
    const ends = Math.min(now, ...since) + leaseMs;
    if (now < ends) return stay(`waiting until the lease of ${unheard.join(', ')} ends`, { wakeAt: ends });
  }
  if (electors.length < electorsNeeded(state) || elapsed >= STRAGGLERS_MS) return null;
  const wakeAt = state.phaseSince + STRAGGLERS_MS;
  const awaited = async
    ? Object.keys(state.instances).filter((name) => name !== phase.from && liveReport(state, name) && !has(name))
    : [phase.prefer].filter((name) => name !== '' && liveReport(state, name) && !has(name));
  return awaited.length > 0 ? stay(`waiting for ${awaited.join(', ')} to promise`, { wakeAt }) : null;
}

function promote(
  state: ClusterState,
  phase: Fencing,
  candidate: string,
  lsn: Lsn,
  why: string,
  promised: readonly InstanceReport[],
): Decision {
  const sync = firstVoters(
    state,
    candidate,
    promised.map((report) => report.instance),
  );
  return move(state, 'promote', why, {
    phase: { kind: 'promoting', cause: phase.cause, from: phase.from, candidate, lsn, sync },
  });
}

/** Whom the new primary waits for: voters that promised; filled up to k with names that may come back. */
function firstVoters(state: ClusterState, candidate: string, promised: readonly string[]): SyncConfig {
  const { spec, sync } = state.record;
  if (spec.durability.mode === 'async' || spec.durability.quorum === 0) return NO_SYNC;
  const k = Math.max(1, Math.min(sync.k || spec.durability.quorum, spec.durability.quorum));
  const names = memberNames(state.record).filter((name) => name !== candidate && mayVote(spec, name));
  const voters = names.filter((name) => sync.voters.includes(name) && promised.includes(name));
  const fill = [
    ...names.filter((n) => sync.voters.includes(n)),
    ...names.filter((n) => promised.includes(n)),
    ...names,
  ];
  for (const name of fill) {
    if (voters.length >= k) break;
    if (!voters.includes(name)) voters.push(name);
  }
  return { voters: voters.sort(), k };
}

function whyChosen(contender: Contender, passedOver: readonly PassedOver[]): string {
  const others = passedOver.map(({ instance, why }) => `${instance}: ${why}`).join('; ');
  return `${contender.instance} leads with WAL up to ${formatLsn(contender.lsn)} on timeline ${contender.timeline}${others ? ` (${others})` : ''}`;
}

export function decidePromoting(state: ClusterState, phase: Promoting, now: number): Decision {
  const { candidate } = phase;
  const { link } = observed(state, candidate);
  const report = liveReport(state, candidate);
  if (link.kind !== 'up') {
    const since = link.kind === 'down' ? link.since : state.phaseSince;
    if (now - since < CANDIDATE_LOST_MS)
      return stay(`the agent of ${candidate} is gone`, { wakeAt: since + CANDIDATE_LOST_MS });
    return nextEpoch(state, phase, `the agent of ${candidate} is gone before it took over`);
  }
  if (!report) return stay(`the agent of ${candidate} has just connected`);
  const { postgres, goal } = report;
  const mine = goal?.id.startsWith(`e${state.record.epoch}/lead/`) === true;
  if (mine && goal.status === 'done' && postgres.kind === 'primary') {
    return move(state, 'promoted', `${candidate} is primary on timeline ${report.timeline}`, {
      timeline: report.timeline,
      timelineHistory: report.history,
      phase: { kind: 'active', primary: candidate, gate: 'closed', sync: phase.sync },
    });
  }
  if (mine && goal.status === 'failed')
    return nextEpoch(state, phase, `${candidate} could not take over: ${goal.detail}`);
  return stay(`${candidate} is taking over`);
}

function nextEpoch(state: ClusterState, phase: Promoting, reason: string): Decision {
  const { cause, from, candidate } = phase;
  return newEpoch(state, { cause, from, authority: candidate, prefer: '' }, `${reason}: voters are asked again`);
}
