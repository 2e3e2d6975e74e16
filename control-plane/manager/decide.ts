/**
 * decide(state, now): the next step of one cluster. Pure. The runner stores what it answers before anything is done,
 * so a crash between any two steps is recovered by deciding again.
 */
import { memberNames } from '../model/cluster-record.ts';
import { decideActive } from './decide-active.ts';
import { decideFencing, decidePromoting } from './decide-failover.ts';
import { decideDraining, decideStopping } from './decide-switchover.ts';
import { type Decision, earliest, move, stay } from './decision.ts';
import { type ClusterState, liveReport, observed } from './state.ts';
import { wantedSync } from './sync-plan.ts';

/** A failed goal of an instance that is not the primary is tried again after this long, ms. */
const RETRY_FAILED_MS = 2000;

export function decide(state: ClusterState, now: number): Decision {
  return withRetries(state, decidePhase(state, now), now);
}

function decidePhase(state: ClusterState, now: number): Decision {
  const { phase } = state.record;
  switch (phase.kind) {
    case 'forming':
      return decideForming(state, phase.primary, now);
    case 'active':
      return decideActive(state, phase, now);
    case 'draining':
      return decideDraining(state, phase, now);
    case 'stopping':
      return decideStopping(state, phase, now);
    case 'fencing':
      return decideFencing(state, phase, now);
    case 'promoting':
      return decidePromoting(state, phase, now);
  }
}

function decideForming(state: ClusterState, primary: string, now: number): Decision {
  const report = liveReport(state, primary);
  if (report?.postgres.kind !== 'primary' || report.systemId === '') {
    return stay(report ? `${primary} makes the cluster's data directory` : `waiting for the agent of ${primary}`);
  }
  return move(state, 'formed', `${primary} made the cluster's data directory, system identifier ${report.systemId}`, {
    systemId: report.systemId,
    timeline: report.timeline,
    timelineHistory: report.history,
    phase: { kind: 'active', primary, gate: 'closed', sync: wantedSync(state, primary, now) },
  });
}

/** Standbys that failed at something try again by themselves only when told to. */
function withRetries(state: ClusterState, decision: Decision, now: number): Decision {
  const { phase } = state.record;
  const leader = phase.kind === 'active' ? phase.primary : phase.kind === 'promoting' ? phase.candidate : '';
  const failed = memberNames(state.record).filter(
    (name) => name !== leader && observed(state, name).failedSince !== null && liveReport(state, name) !== null,
  );
  if (failed.length === 0) return decision;
  const due = failed.filter((name) => now - observed(state, name).failedSince! >= RETRY_FAILED_MS);
  const next = failed
    .filter((name) => !due.includes(name))
    .map((name) => observed(state, name).failedSince! + RETRY_FAILED_MS);
  return { ...decision, retry: [...decision.retry, ...due], wakeAt: earliest(decision.wakeAt, ...next) };
}
