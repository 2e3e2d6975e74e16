/** Questions about what people asked for, as deciding and the goals need them. Pure. */
import { type ClusterRecord, type Phase, primaryOf } from '../model/cluster-record.ts';
import { goalId } from '../model/goal.ts';
import { type AcceptedLoss, isFenced } from '../model/operations.ts';
import { hasNoVote } from './membership.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** '' = Howdah fails over by itself; else why it doesn't and what to do about it. */
export function whyNotAutomatic({ spec, operations }: ClusterRecord): string {
  if (!spec.failover.automatic) return 'automatic failover is off by spec.failover.automatic';
  if (operations.paused) return `automatic failover is paused: howdah resume ${spec.name}`;
  return '';
}

/**
 * The instance that holds every commit alone, if any does: it is not stopped although it is fenced, until another one
 * took over.
 */
export function holderOf(phase: Phase): string {
  return phase.kind === 'fencing' ? phase.authority : primaryOf(phase);
}

/** Its PostgreSQL is stopped, or about to be, because somebody fenced it. */
export function isShutOut({ operations, phase }: ClusterRecord, instance: string): boolean {
  return isFenced(operations, instance) && holderOf(phase) !== instance;
}

/** It gives its vote up as soon as the others are enough. */
export function leavesVote({ operations }: ClusterRecord, instance: string): boolean {
  return isFenced(operations, instance) || operations.reinits.includes(instance);
}

/** Its data may be set aside: no commit counts on it, or as many count on it as must. */
export function mayLoseData(state: ClusterState, primary: string, instance: string): boolean {
  const { sync } = state.record;
  return hasNoVote(state, primary, instance) || sync.voters.length <= sync.k;
}

/** It streams, as its own agent and the primary say. */
export function isStreaming(state: ClusterState, instance: string): boolean {
  const postgres = liveReport(state, instance)?.postgres;
  return postgres?.kind === 'standby' && postgres.streaming && observed(state, instance).missingSince === null;
}

/** The instance holds the goal of this kind in this epoch and has ended working on it. */
export function hasEnded(state: ClusterState, instance: string, kind: 'stop' | 'retire'): boolean {
  const goal = liveReport(state, instance)?.goal;
  return goal?.id === goalId({ kind, epoch: state.record.epoch }) && goal.status !== 'working';
}

/** What a person accepted for the present epoch; null = nothing. */
export function acceptedLoss({ operations, epoch }: ClusterRecord): AcceptedLoss | null {
  return operations.acceptedLoss?.epoch === epoch ? operations.acceptedLoss : null;
}
