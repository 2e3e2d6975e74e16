/**
 * reduce(state, observation, now): folds what was observed into the state. Pure; decides nothing.
 */
import { type ClusterRecord, primaryOf } from '../model/cluster-record.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import type { InstanceReport, PrimaryState } from '../model/instance.ts';
import { type ClusterState, type Observation, type Observed, observed } from './state.ts';
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
      });
      return withRecord(next, withPlacement(next.record, instance, placement), now);
    }
    case 'disconnected':
      return withInstance(state, observation.instance, {
        ...observed(state, observation.instance),
        link: { kind: 'down', since: now },
      });
    case 'report':
      return withReport(state, observation.report, now);
    case 'asked':
      return observation.instances.reduce(
        (next, instance) => withInstance(next, instance, { ...observed(next, instance), askedAt: now }),
        state,
      );
    case 'retried':
      return withInstance(state, observation.instance, { ...observed(state, observation.instance), failedSince: null });
    case 'record':
      return withRecord(state, observation.record, now);
    case 'spec':
      return { ...state, record: { ...state.record, spec: observation.spec } };
  }
}

function withReport(state: ClusterState, report: InstanceReport, now: number): ClusterState {
  const before = observed(state, report.instance);
  // Reports of a stream that was replaced, or out of order, are not news.
  if (before.link.kind === 'up' && before.link.bootId !== report.bootId) return state;
  if (before.report && before.report.bootId === report.bootId && before.report.seq >= report.seq) return state;
  const failed = report.goal?.status === 'failed';
  const runs = report.postgres.kind === 'standby' || report.postgres.kind === 'primary';
  const next = withInstance(state, report.instance, {
    ...before,
    report,
    reportAt: now,
    foundRunning: before.foundRunning ?? runs,
    hasRun: before.hasRun || runs,
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
  for (const name of instanceNames(state.record.spec)) {
    if (name === report.instance) continue;
    const before = observed(next, name);
    const missingSince = streaming.has(name) ? null : (before.missingSince ?? now);
    if (missingSince !== before.missingSince) next = withInstance(next, name, { ...before, missingSince });
  }
  const goal = report.goal;
  if (goal?.status !== 'done' || !settled(primary)) return next;
  if (next.syncBaseline?.goalId === goal.id) return next;
  return { ...next, syncBaseline: { goalId: goal.id, lsn: primary.flushLsn } };
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
