/**
 * reduce(state, observation, now): folds what was observed into the state. Pure; decides nothing.
 */
import { type ClusterRecord, memberNames, primaryOf } from '../model/cluster-record.ts';
import type { InstanceReport, PrimaryState } from '../model/instance.ts';
import type { Sound } from './knock.ts';
import { withSpec } from './membership.ts';
import { progressed } from './progress.ts';
import { silenceSince } from './silence.ts';
import {
  type ClusterState,
  initialState,
  type Knocks,
  NO_KNOCKS,
  type Observation,
  type Observed,
  observed,
} from './state.ts';
import { settled } from './sync-plan.ts';

export function reduce(state: ClusterState, observation: Observation, now: number): ClusterState {
  switch (observation.kind) {
    case 'connected': {
      const { instance, bootId, placement } = observation;
      const before = observed(state, instance);
      const sameBoot = before.report?.bootId === bootId;
      const next = withInstance(state, instance, {
        ...before,
        link: { kind: 'up', since: now, bootId },
        // What an earlier boot reported says nothing of this one: its PostgreSQL ended with it.
        report: sameBoot ? before.report : null,
        reportAt: sameBoot ? before.reportAt : Number.NEGATIVE_INFINITY,
        knocks: aliveAgain(before.knocks),
        // A new connection knows no goal, also when it is the same agent's.
        sentGoal: null,
      });
      return withRecord(withoutBaseline(next, instance), withPlacement(next.record, instance, placement), now);
    }
    case 'disconnected': {
      const { instance } = observation;
      const link = { kind: 'down', since: now } as const;
      const next = withInstance(state, instance, { ...observed(state, instance), link, sentGoal: null });
      return withoutBaseline(next, instance);
    }
    case 'report':
      return withReport(state, observation.report, now);
    case 'asked':
      return observation.instances.reduce(
        (next, instance) => withInstance(next, instance, { ...observed(next, instance), askedAt: now }),
        state,
      );
    case 'knocked': {
      const before = observed(state, observation.instance);
      const knocks = { ...before.knocks, since: before.knocks.since ?? now, at: now };
      return withInstance(state, observation.instance, { ...before, knocks });
    }
    case 'heard': {
      const before = observed(state, observation.instance);
      const knocks = heard(before.knocks, observation.sound, now);
      return withInstance(state, observation.instance, { ...before, knocks });
    }
    case 'sent': {
      const { instance, goalId } = observation;
      const next = withInstance(state, instance, { ...observed(state, instance), sentGoal: goalId });
      return state.syncBaseline?.goalId === goalId ? next : withoutBaseline(next, instance);
    }
    case 'retried':
      return withInstance(state, observation.instance, { ...observed(state, observation.instance), failedSince: null });
    case 'record':
      return withRecord(state, observation.record, now);
    case 'leading':
      return leading(state, observation.term, observation.record, now);
    case 'placement':
      return withRecord(state, withPlacement(state.record, observation.instance, observation.placement), now);
    case 'spec':
      return { ...state, record: withSpec(state.record, observation.spec) };
  }
}

/** The agent gave a sign of life. */
function aliveAgain(knocks: Knocks): Knocks {
  return knocks.since === null && knocks.takenSince === null ? knocks : { ...knocks, since: null, takenSince: null };
}

function heard(knocks: Knocks, sound: Sound, now: number): Knocks {
  switch (sound) {
    case 'connection':
      return { ...knocks, takenSince: knocks.takenSince ?? now, takenAt: now };
    case 'refusal':
      return { ...knocks, refusedAt: now };
    default:
      return { ...aliveAgain(knocks), answeredAt: now, stamp: sound.stamp };
  }
}

/**
 * What was seen while another one led stays, but for what it was told: no goal that it sent counts as told by us, and
 * what was asked, waited for or confirmed begins anew.
 */
function leading(state: ClusterState, term: number, record: ClusterRecord, now: number): ClusterState {
  const begin = (before: Observed): Observed => ({
    ...before,
    report: before.report && ofTerm(before.report, term),
    foundRunning: before.report && runs(before.report),
    knocks: NO_KNOCKS,
    ...{ askedAt: Number.NEGATIVE_INFINITY, promisedSince: null, sentGoal: null, failedSince: null },
  });
  const instances = Object.fromEntries(Object.entries(state.instances).map(([name, each]) => [name, begin(each)]));
  return { ...initialState(record, now, term), instances };
}

/** A goal that was sent in another term is none of ours: what it confirms may be undone by what is on its way. */
function ofTerm(report: InstanceReport, term: number | null): InstanceReport {
  return term === null || report.term === term ? report : { ...report, goal: null };
}

function runs({ postgres }: InstanceReport): boolean {
  return postgres.kind === 'standby' || postgres.kind === 'primary';
}

function withReport(state: ClusterState, told: InstanceReport, now: number): ClusterState {
  const report = ofTerm(told, state.term);
  const before = observed(state, report.instance);
  // Reports of a stream that was replaced, or out of order, are not news.
  if (before.link.kind === 'up' && before.link.bootId !== report.bootId) return state;
  if (before.report && before.report.bootId === report.bootId && before.report.seq >= report.seq) return state;
  const failed = report.goal?.status === 'failed';
  const next = withInstance(state, report.instance, {
    ...before,
    report,
    reportAt: now,
    knocks: aliveAgain(before.knocks),
    foundRunning: before.foundRunning ?? runs(report),
    hasRun: before.hasRun || runs(report),
    promisedSince: report.promisedEpoch >= state.record.epoch ? (before.promisedSince ?? now) : null,
    failedSince: failed ? (before.failedSince ?? now) : null,
  });
  const isPrimary = primaryOf(state.record.phase) === report.instance;
  return isPrimary && report.postgres.kind === 'primary' ? withPrimary(next, report, report.postgres, now) : next;
}

/** What the primary tells of the others: who streams from it, and how far a change of the voters is. */
function withPrimary(state: ClusterState, report: InstanceReport, primary: PrimaryState, now: number): ClusterState {
  const streaming = new Set(primary.standbys.filter((s) => s.state === 'streaming').map((s) => s.name));
  let next = state;
  for (const name of memberNames(state.record)) {
    if (name === report.instance) continue;
    const before = observed(next, name);
    const missingSince = streaming.has(name) ? null : (before.missingSince ?? now);
    if (missingSince !== before.missingSince) next = withInstance(next, name, { ...before, missingSince });
  }
  const goal = report.goal;
  if (goal?.status !== 'done' || !settled(primary)) return next;
  // Told something else since, PostgreSQL may be on its way to that and back again: this report says nothing of it.
  if (observed(next, report.instance).sentGoal !== goal.id) return next;
  if (next.syncBaseline?.goalId === goal.id) return next;
  return { ...next, syncBaseline: { goalId: goal.id, lsn: primary.flushLsn } };
}

/** What the primary confirmed holds for the goal that it was told last, on this connection. */
function withoutBaseline(state: ClusterState, instance: string): ClusterState {
  if (state.syncBaseline === null || primaryOf(state.record.phase) !== instance) return state;
  return { ...state, syncBaseline: null };
}

function withInstance(state: ClusterState, instance: string, value: Observed): ClusterState {
  return { ...state, instances: { ...state.instances, [instance]: value } };
}

function withRecord(state: ClusterState, record: ClusterRecord, now: number): ClusterState {
  const sameEpoch = record.epoch === state.record.epoch;
  const samePhase = sameEpoch && record.phase.kind === state.record.phase.kind;
  // Promises were of the epoch before.
  const instances = sameEpoch
    ? state.instances
    : Object.fromEntries(Object.entries(state.instances).map(([name, o]) => [name, { ...o, promisedSince: null }]));
  return {
    ...state,
    record,
    instances,
    phaseSince: samePhase ? state.phaseSince : now,
    silenceSince: silenceSince(state, record, now),
    progress: progressed(state, record, now),
    syncBaseline: sameEpoch ? state.syncBaseline : null,
  };
}

function withPlacement(
  record: ClusterRecord,
  instance: string,
  placement: ClusterRecord['placements'][string],
): ClusterRecord {
  if (JSON.stringify(record.placements[instance]) === JSON.stringify(placement)) return record;
  return { ...record, placements: { ...record.placements, [instance]: placement } };
}
