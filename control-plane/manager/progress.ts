/**
 * How long each phase of the change of primary, or of its restart in place, that is under way took, as this control
 * plane saw it. Pure.
 */
import type { ClusterRecord, PhaseDuration, PrimaryChange } from '../model/cluster-record.ts';
import { restartOf } from '../model/operations.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

/** Exists only for what this control plane saw begin. */
export interface Progress {
  readonly cause: PrimaryChange['cause'];
  /** The primary of before. */
  readonly from: string;
  /** The phase that ends with rw open. */
  readonly last: 'opened' | 'restarted' | 'recovered';
  readonly phases: readonly PhaseDuration[];
  /** When the phase under way began, monotonic ms. */
  readonly since: number;
}

/** To be called when `record` has been stored. */
export function progressed(state: ClusterState, record: ClusterRecord, now: number): Progress | null {
  const { progress } = state;
  const before = state.record.phase;
  const after = record.phase;
  const isSame = before.kind === after.kind && state.record.epoch === record.epoch;
  if (isSame) {
    if (after.kind !== 'active') return progress;
    if (after.gate === 'open') return null;
    return before.kind === 'active' && before.gate === 'open'
      ? restarting(state, after.primary, now)
      : progress && stoppedByHand(state, record, progress, now);
  }
  switch (after.kind) {
    case 'forming':
      return null;
    case 'draining':
      return begun('switchover', after.primary, now);
    case 'stopping':
      return progress ? ended(progress, 'drained', now) : begun('switchover', after.primary, now);
    case 'fencing': {
      const { cause, from } = after;
      if (before.kind === 'active') return { ...begun(cause, from, now), phases: detected(state, from, now) };
      return progress && { ...ended(progress, before.kind === 'stopping' ? 'stopped' : 'given up', now), cause };
    }
    case 'promoting': {
      if (!progress) return null;
      // The last word that the decision waited for; from then on it was being stored.
      const words = Object.values(state.instances).map(({ reportAt }) => reportAt);
      const heardAt = Math.max(progress.since, ...words.filter((at) => at <= now));
      return ended(ended(progress, 'fenced', heardAt), 'chosen', now);
    }
    case 'active':
      if (!progress || after.gate === 'open') return null;
      return ended(progress, 'promoted', now);
  }
}

function begun(cause: Progress['cause'], from: string, now: number): Progress {
  return { cause, from, last: 'opened', phases: [], since: now };
}

/** The gate was closed for it. null = how it ended is not known, or nobody was there before it began. */
function restarting(state: ClusterState, primary: string, now: number): Progress | null {
  const afterStop: Progress = { ...begun('restart', primary, now), last: 'restarted' };
  if (restartOf(state.record.operations, primary)) return afterStop;
  const postgres = liveReport(state, primary)?.postgres;
  if (postgres?.kind !== 'stopped' || postgres.how === 'boot') return null;
  return postgres.clean ? afterStop : { ...afterStop, last: 'recovered' };
}

function stoppedByHand(state: ClusterState, record: ClusterRecord, progress: Progress, now: number): Progress {
  const stage = ({ operations }: ClusterRecord) => restartOf(operations, progress.from)?.stage;
  return stage(state.record) === 'stop' && stage(record) === 'start' ? ended(progress, 'stopped', now) : progress;
}

/** The whole of it, when the gate is about to open; null = nothing was seen to begin. */
export function completed({ progress }: ClusterState, to: string, now: number): PrimaryChange | null {
  if (!progress || (progress.cause !== 'restart' && progress.phases.length === 0)) return null;
  const { cause, from, phases } = ended(progress, progress.last, now);
  return { cause, from, to, phases };
}

function ended(progress: Progress, name: PhaseDuration['name'], at: number): Progress {
  const tookMs = Math.round((at - progress.since) * 10) / 10;
  return { ...progress, phases: [...progress.phases, { name, tookMs }], since: at };
}

/** From the first sign until the new epoch was stored; a primary that is well was given up by hand. */
function detected(state: ClusterState, from: string, now: number): PhaseDuration[] {
  const { link, report, reportAt } = observed(state, from);
  if (link.kind === 'unseen') return [];
  const isWell = link.kind === 'up' && report?.postgres.kind === 'primary';
  const since = link.kind === 'down' ? link.since : reportAt;
  const isSilent = now - since >= state.record.spec.failover.suspectAfterMs;
  if (isWell && !isSilent) return [];
  return [{ name: 'detected', tookMs: Math.round((now - since) * 10) / 10 }];
}
