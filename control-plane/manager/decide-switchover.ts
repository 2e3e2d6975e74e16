/** A planned change of primary: let transactions end, stop the old primary cleanly, then go the way of every epoch. */
import { memberNames, type Phase, primaryOf } from '../model/cluster-record.ts';
import { tagsOf, whyNoLeader } from '../model/cluster-spec.ts';
import { formatLsn, type Lsn, maxLsn } from '../model/lsn.ts';
import { isFenced } from '../model/operations.ts';
import { promiseQuorum } from '../model/sync.ts';
import { type Decision, earliest, move, newEpoch, stay } from './decision.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** The clean stop must be done in this time, ms; then the switchover goes on as a failover. */
const STOP_LIMIT_MS = 20_000;
/** A target further behind would hold writes up while it gets and replays the rest, in bytes of WAL. */
export const SWITCHOVER_LAG_MOST_BYTES = 16n * 1024n * 1024n;
/** How long the target may lack the shutdown checkpoint after the stop, ms. */
const CATCH_UP_MS = 2000;
/** Whether transactions still run, and what the target has, is asked this often, ms. */
const LOOK_AT_TRANSACTIONS_MS = 10;
const LOOK_AT_TARGET_MS = 5;
/** An instance that did not answer is asked again after this long, ms. */
const UNANSWERED_MS = 50;

export interface SwitchoverRequest {
  /** '' = the best standby. */
  readonly to: string;
  readonly waitMs: number;
}

export interface SwitchoverCheck {
  readonly target: string;
  /** What was looked at, a sentence each. */
  readonly passed: readonly string[];
  /** What forbids it, a sentence each; empty = it may begin. */
  readonly forbidden: readonly string[];
}

export function checkSwitchover(state: ClusterState, request: SwitchoverRequest): SwitchoverCheck {
  const { record } = state;
  const { phase, sync } = record;
  const forbidden: string[] = [];
  const passed: string[] = [];
  if (phase.kind !== 'active' || phase.gate !== 'open') {
    return {
      target: request.to,
      passed,
      forbidden: [`the cluster is ${phase.kind}, not open for writes: wait until it is`],
    };
  }
  const { primary } = phase;
  const names = memberNames(record);
  if (request.to !== '' && !names.includes(request.to)) {
    forbidden.push(`there is no instance ${request.to}: the instances are ${names.join(', ')}`);
  }
  if (request.to === primary) forbidden.push(`${primary} is the primary already`);
  const fit = names.filter((name) => name !== primary && isFit(state, name));
  passed.push(`standbys that stream and vote: ${fit.join(', ') || 'none'}`);
  const target = request.to || bestStandby(state, fit);
  if (target === '') forbidden.push('no standby streams from the primary and holds every commit');
  else if (target !== primary && names.includes(target) && !fit.includes(target)) {
    forbidden.push(`${target} is not fit: ${whyUnfit(state, target)}`);
  }
  const need = sync.voters.length > 0 ? promiseQuorum(sync) : 1;
  const here = (sync.voters.length > 0 ? sync.voters : names.filter((n) => n !== primary)).filter(
    (n) => liveReport(state, n) && !isFenced(record.operations, n),
  );
  if (here.length < need)
    forbidden.push(`${need} voters must be able to promise, and only ${here.length} can be reached`);
  else passed.push(`${here.length} of ${need} needed voters can be reached`);
  if (liveReport(state, primary) === null)
    forbidden.push(`the agent of ${primary} can't be reached: this would be a failover`);
  return { target, passed, forbidden };
}

function isFit(state: ClusterState, name: string): boolean {
  return whyUnfit(state, name) === '';
}

function whyUnfit(state: ClusterState, name: string): string {
  const report = liveReport(state, name);
  if (isFenced(state.record.operations, name)) return `it is fenced: howdah unfence ${name}`;
  if (!report) return 'its agent is not connected';
  if (report.postgres.kind !== 'standby') return `its PostgreSQL is ${report.postgres.kind}`;
  if (!report.postgres.streaming || observed(state, name).missingSince !== null)
    return 'it does not stream from the primary';
  const behind = bytesBehind(state, report.postgres.replayLsn);
  if (behind > SWITCHOVER_LAG_MOST_BYTES) return `it is ${behind} bytes of WAL behind: wait until it has caught up`;
  const { sync, leaving } = state.record;
  if (leaving.includes(name)) return 'it leaves the cluster';
  const barred = whyNoLeader(state.record.spec, name);
  if (barred) return barred;
  if (sync.voters.length > 0 && !sync.voters.includes(name)) return 'commits do not wait for it yet';
  return '';
}

function bytesBehind(state: ClusterState, replayLsn: Lsn): bigint {
  const primary = liveReport(state, primaryOf(state.record.phase))?.postgres;
  return primary?.kind === 'primary' ? primary.flushLsn - replayLsn : 0n;
}

function bestStandby(state: ClusterState, fit: readonly string[]): string {
  let best = '';
  let bestPriority = -1;
  let bestLsn = -1n;
  for (const name of fit) {
    const postgres = liveReport(state, name)?.postgres;
    if (postgres?.kind !== 'standby') continue;
    // All of them hold every commit; a little WAL more or less is no reason.
    const { priority } = tagsOf(state.record.spec, name);
    const lsn = maxLsn(postgres.receiveLsn, postgres.replayLsn);
    if (priority < bestPriority || (priority === bestPriority && lsn <= bestLsn)) continue;
    [best, bestPriority, bestLsn] = [name, priority, lsn];
  }
  return best;
}

/** The first step of a switchover that passed its checks. */
export function beginSwitchover(state: ClusterState, primary: string, target: string, waitMs: number): Decision {
  const kind = waitMs > 0 ? 'draining' : 'stopping';
  const phase: Phase = kind === 'draining' ? { kind, primary, target, waitMs } : { kind, primary, target };
  const how = waitMs > 0 ? `transactions have ${waitMs} ms to end` : 'it is being stopped';
  return move(state, 'switchover', `switchover from ${primary} to ${target} was asked for: ${how}`, { phase });
}

export function decideDraining(
  state: ClusterState,
  phase: Extract<Phase, { kind: 'draining' }>,
  now: number,
): Decision {
  const { primary, target, waitMs } = phase;
  const { reportAt, link } = observed(state, primary);
  const postgres = liveReport(state, primary)?.postgres;
  const until = state.phaseSince + waitMs;
  const idle = postgres?.kind === 'primary' && postgres.activeTransactions === 0 && reportAt > state.phaseSince;
  if (!idle && now < until && link.kind === 'up' && postgres?.kind === 'primary') {
    const { ask, wakeAt } = look(state, primary, LOOK_AT_TRANSACTIONS_MS, now);
    return stay(`${postgres.activeTransactions} transactions are running`, { ask, wakeAt: earliest(until, wakeAt) });
  }
  return move(
    state,
    'switchover',
    idle ? 'no transaction is running: the old primary is stopped' : 'the wait is over: the old primary is stopped',
    {
      phase: { kind: 'stopping', primary, target },
    },
  );
}

export function decideStopping(
  state: ClusterState,
  phase: Extract<Phase, { kind: 'stopping' }>,
  now: number,
): Decision {
  const { primary, target } = phase;
  const fence = (reason: string, cause: 'switchover' | 'failover') =>
    newEpoch(state, { cause, from: primary, authority: primary, prefer: target }, reason);
  const elapsed = now - state.phaseSince;
  const report = liveReport(state, primary);
  if (!report && observed(state, primary).link.kind === 'down')
    return fence(`the agent of ${primary} is gone while it was stopping`, 'failover');
  if (report?.postgres.kind === 'stopped' && report.goal?.id === `e${state.record.epoch}/stop`) {
    if (!report.postgres.clean) return fence(`${primary} did not stop cleanly`, 'failover');
    const standby = liveReport(state, target)?.postgres;
    const { checkpointLsn } = report.postgres;
    const has = standby?.kind === 'standby' && maxLsn(standby.receiveLsn, standby.replayLsn) > checkpointLsn;
    if (has)
      return fence(
        `${primary} is stopped and ${target} has its last record at ${formatLsn(checkpointLsn)}`,
        'switchover',
      );
    if (elapsed < CATCH_UP_MS) {
      const { ask, wakeAt } = look(state, target, LOOK_AT_TARGET_MS, now);
      const until = state.phaseSince + CATCH_UP_MS;
      return stay(`waiting until ${target} has the shutdown checkpoint`, { ask, wakeAt: earliest(until, wakeAt) });
    }
    return fence(`${primary} is stopped; ${target} did not get its last record in time`, 'switchover');
  }
  if (elapsed >= STOP_LIMIT_MS) return fence(`${primary} did not stop in ${STOP_LIMIT_MS / 1000} s`, 'failover');
  return stay(`${primary} is stopping`, { wakeAt: state.phaseSince + STOP_LIMIT_MS });
}

/** Whom to ask for a report now, and when to look again: each answer is waited for before the next question. */
function look(state: ClusterState, instance: string, everyMs: number, now: number): Pick<Decision, 'ask' | 'wakeAt'> {
  const { askedAt, reportAt, link } = observed(state, instance);
  // Its hello wakes.
  if (link.kind !== 'up') return { ask: [], wakeAt: null };
  const due = askedAt + (reportAt < askedAt ? UNANSWERED_MS : everyMs);
  return now < due ? { ask: [], wakeAt: due } : { ask: [instance], wakeAt: now + UNANSWERED_MS };
}
