/** Which goal each instance has, from the record and what the primary reports. Pure and repeatable. */
import { memberNames, type Phase } from '../model/cluster-record.ts';
import { type FenceGoal, type FollowGoal, type Goal, goalId, type LeadGoal } from '../model/goal.ts';
import { restartOf } from '../model/operations.ts';
import { type SyncConfig, sameSync } from '../model/sync.ts';
import { retireGoal } from './membership.ts';
import { isShutOut, mayLoseData } from './operations.ts';
import { servedBy, sourceOf } from './sources.ts';
import { type ClusterState, liveReport } from './state.ts';
import { confirmedSync, planSync, type SyncPlan, wantedSync } from './sync-plan.ts';

/** null = the instance waits: it gets no goal yet. */
export function goalFor(state: ClusterState, instance: string, now: number): Goal | null {
  const { record } = state;
  const { phase, epoch } = record;
  if (isShutOut(record, instance)) return { kind: 'stop', epoch };
  switch (phase.kind) {
    case 'forming':
      return instance === phase.primary ? leadGoal(state, instance, wantedSync(state, instance, now)) : null;
    case 'active':
      return restingGoal(state, instance) ?? servingGoal(state, instance, phase.primary, now);
    case 'draining':
      return servingGoal(state, instance, phase.primary, now);
    case 'stopping':
      return instance === phase.primary ? { kind: 'stop', epoch } : servingGoal(state, instance, phase.primary, now);
    case 'fencing':
      return fenceGoal(state, phase, instance);
    case 'promoting':
      return instance === phase.candidate
        ? leadGoal(state, instance, phase.sync)
        : followGoal(state, instance, phase.candidate, 0);
  }
}

function servingGoal(state: ClusterState, instance: string, primary: string, now: number): Goal | null {
  const { record } = state;
  if (instance === primary) return leadGoal(state, instance, toldSync(state, now));
  return retireGoal(state, instance) ?? followGoal(state, instance, primary, record.timeline);
}

/** A step of what somebody asked for; null = none. Standbys rest only while writes don't wait for them to come back. */
function restingGoal(state: ClusterState, instance: string): Goal | null {
  const { epoch, operations, phase } = state.record;
  if (phase.kind !== 'active') return null;
  const isPrimary = instance === phase.primary;
  if (isPrimary !== (phase.gate === 'closed')) return null;
  if (restartOf(operations, instance)?.stage === 'stop') return { kind: 'stop', epoch };
  const isAside = !isPrimary && operations.reinits.includes(instance) && mayLoseData(state, phase.primary, instance);
  return isAside ? { kind: 'retire', epoch } : null;
}

/** A cascade gets no slot on the primary: nobody would move it on. */
function streamsFrom(state: ClusterState, name: string, primary: string): boolean {
  const source = sourceOf(state, name);
  return source === primary || source === '';
}

function fenceGoal(state: ClusterState, { catchUp }: Extract<Phase, { kind: 'fencing' }>, instance: string): FenceGoal {
  const { epoch } = state.record;
  const serves = servedBy(state, instance);
  return {
    kind: 'fence',
    epoch,
    ...(catchUp?.candidate === instance ? { catchUp: { from: catchUp.from, lsn: catchUp.lsn } } : {}),
    ...(serves.length > 0 ? { serves } : {}),
  };
}

/** A goal to lead starts PostgreSQL only while no clients are let in. */
export function leadGoal(state: ClusterState, instance: string, sync: SyncConfig): LeadGoal {
  const { record } = state;
  const { phase } = record;
  const letsIn = phase.kind === 'draining' || (phase.kind === 'active' && phase.gate === 'open');
  return {
    kind: 'lead',
    epoch: record.epoch,
    sync,
    create: record.systemId === '',
    start: !letsIn,
    members: memberNames(record).filter((name) => name !== instance && streamsFrom(state, name, instance)),
  };
}

/** The next safe step of the voters, with the primary's confirmation taken into account. */
export function syncStep(state: ClusterState, primary: string, now: number): SyncPlan {
  const { record } = state;
  const wanted = wantedSync(state, primary, now);
  const first = planSync(record.sync, wanted, null);
  const confirmed = confirmedSync(state, primary, goalId(leadGoal(state, primary, first.told)));
  return confirmed ? planSync(record.sync, wanted, confirmed) : first;
}

function toldSync(state: ClusterState, now: number): SyncConfig {
  const { phase } = state.record;
  if (phase.kind === 'active' && phase.gate === 'closed') return phase.sync;
  if (phase.kind === 'active') {
    const { told, stored } = syncStep(state, phase.primary, now);
    // The store goes first where it has to: until it did, PostgreSQL waits for what is stored.
    return sameSync(stored, state.record.sync) ? told : state.record.sync;
  }
  // Membership rests during a switchover.
  return state.record.sync;
}

function followGoal(state: ClusterState, instance: string, primary: string, timeline: number): FollowGoal | null {
  const { record } = state;
  if (record.systemId === '' || instance === primary) return null;
  const postgres = liveReport(state, primary)?.postgres;
  const source = sourceOf(state, instance);
  const serves = servedBy(state, instance);
  const goal: FollowGoal = {
    kind: 'follow',
    epoch: record.epoch,
    primary,
    systemId: record.systemId,
    timeline,
    history: timeline === 0 ? [] : record.timelineHistory,
    sourceReady: timeline !== 0 && postgres?.kind === 'primary' && postgres.checkpointTimeline === timeline,
    successors: memberNames(record).filter((name) => name !== instance),
  };
  if (source === primary && serves.length === 0) return goal;
  return { ...goal, ...(source !== primary ? { source } : {}), ...(serves.length > 0 ? { serves } : {}) };
}
