/**
 * Who joins and who leaves a living cluster: what forbids a change of the spec, and what an instance on its way out is
 * told. Pure. Joining needs nothing of its own: an instance that the spec names copies, streams and then votes.
 */
import { type ClusterRecord, memberNames } from '../model/cluster-record.ts';
import { type ClusterSpec, instanceNames } from '../model/cluster-spec.ts';
import type { Problem } from '../model/errors.ts';
import { goalId, type RetireGoal } from '../model/goal.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** The record with another spec: who is not named any more leaves, and who is named again stays. */
export function withSpec(record: ClusterRecord, spec: ClusterSpec): ClusterRecord {
  const staying = instanceNames(spec);
  return { ...record, spec, leaving: memberNames(record).filter((name) => !staying.includes(name)) };
}

/** Everything that forbids a living cluster to become `spec`. */
export function changeProblems(state: ClusterState, spec: ClusterSpec): Problem[] {
  return [...authProblems(state.record.spec, spec), ...shrinkProblems(state, spec)];
}

/** Passwords and pg_hba.conf are made with each instance's directory. */
function authProblems(before: ClusterSpec, spec: ClusterSpec): Problem[] {
  if (spec.postgres.auth === before.postgres.auth) return [];
  const message = `is ${before.postgres.auth} and can't be changed to ${spec.postgres.auth} while the cluster lives: put ${before.postgres.auth} back, or dump the data and restore it into a new cluster`;
  return [{ path: 'spec.postgres.auth', message }];
}

/**
 * What forbids a living cluster to become `spec`: with fewer instances commits could no longer wait for as many
 * standbys as it asks for.
 */
function shrinkProblems(state: ClusterState, spec: ClusterSpec): Problem[] {
  const { record } = state;
  const { quorum } = spec.durability;
  if (spec.instances >= record.spec.instances) return [];
  const path = 'spec.instances';
  const { phase } = record;
  if (phase.kind !== 'active' || phase.gate !== 'open') {
    return [{ path, message: `can't be changed now: the cluster is ${phase.kind}; wait until it takes writes` }];
  }
  // The one that leads goes by a switchover, after which one of the others leads and counts no more.
  const staying = instanceNames(spec);
  const primaryLeaves = staying.includes(phase.primary) ? 0 : 1;
  const standbys = staying.filter((name) => name !== phase.primary);
  const streaming = standbys.filter((name) => streams(state, phase.primary, name));
  if (primaryLeaves === 1 && streaming.length === 0) {
    return [{ path, message: `${phase.primary} leads and would leave, and none of ${list(standbys)} streams from it` }];
  }
  if (streaming.length - primaryLeaves >= quorum) return [];
  const missing = standbys.filter((name) => !streaming.includes(name));
  const message = `each commit would wait for ${quorum} of ${list(standbys)}, and ${list(missing)} ${missing.length === 1 ? 'does' : 'do'} not stream: bring back what is missing, or lower durability.quorum first`;
  return [{ path, message }];
}

/**
 * The goal of one that leaves and has no vote any more, anywhere; null = it has to stay for a while. Once told so it
 * is not told otherwise in this epoch: its data directory is on its way already.
 */
export function retireGoal(state: ClusterState, instance: string): RetireGoal | null {
  const { record } = state;
  const { phase, epoch } = record;
  if (!record.leaving.includes(instance) || record.sync.voters.includes(instance)) return null;
  const goal: RetireGoal = { kind: 'retire', epoch };
  if (observed(state, instance).sentGoal === goalId(goal)) return goal;
  if (phase.kind !== 'active' || phase.gate !== 'open' || phase.primary === instance) return null;
  return hasNoVote(state, phase.primary, instance) ? goal : null;
}

/** PostgreSQL itself says that commits don't wait for it. What it will be told names only voters that are stored. */
export function hasNoVote(state: ClusterState, primary: string, instance: string): boolean {
  if (state.record.sync.voters.includes(instance)) return false;
  const postgres = liveReport(state, primary)?.postgres;
  return postgres?.kind === 'primary' && postgres.sync !== null && !postgres.sync.voters.includes(instance);
}

function streams(state: ClusterState, primary: string, name: string): boolean {
  const postgres = liveReport(state, primary)?.postgres;
  if (postgres?.kind !== 'primary' || liveReport(state, name) === null) return false;
  return postgres.standbys.some((standby) => standby.name === name && standby.state === 'streaming');
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'no standby' : names.join(', ');
}
