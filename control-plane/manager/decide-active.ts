/** The primary holds its epoch: watch it, open the gate, keep the voters right. */
import type { Phase } from '../model/cluster-record.ts';
import { goalId } from '../model/goal.ts';
import { withoutRestart } from '../model/operations.ts';
import { promiseQuorum, type SyncConfig, sameSync } from '../model/sync.ts';
import { canFence } from './able-voters.ts';
import { decideMembers } from './decide-members.ts';
import { decideOperations, decideRestart } from './decide-operations.ts';
import { decideSettings } from './decide-settings.ts';
import { type Decision, earliest, move, newEpoch, stay } from './decision.ts';
import { votersWhileClosed } from './gate-voters.ts';
import { leadGoal, syncStep } from './goals.ts';
import { whyInPlace } from './in-place.ts';
import { oldPrimary } from './old-primary.ts';
import { whyNotAutomatic } from './operations.ts';
import { completed } from './progress.ts';
import { endRest, failOverSilent, restsUntil } from './silence.ts';
import { type ClusterState, liveReport, observed } from './state.ts';
import { suspect } from './suspicion.ts';
import { confirmedSync, flushedCount, graceEndsAt } from './sync-plan.ts';

/** A failed goal of the primary is tried again after this long, ms. */
export const RETRY_AFTER_MS = 1000;

type Active = Extract<Phase, { kind: 'active' }>;

export function decideActive(state: ClusterState, phase: Active, now: number): Decision {
  const suspicion = suspect(state, phase.primary, now);
  const restart = phase.gate === 'closed' ? decideRestart(state, phase, suspicion) : null;
  if (restart) return retryFailed(state, phase, restart, now);
  switch (suspicion.kind) {
    case 'well': {
      const decision = phase.gate === 'open' ? serve(state, phase, now) : openGate(state, phase, now);
      const knock = suspicion.knock ? [phase.primary] : [];
      return { ...decision, knock, wakeAt: earliest(decision.wakeAt, suspicion.wakeAt) };
    }
    case 'starting':
      if (phase.gate === 'open' && liveReport(state, phase.primary)) {
        return restartInPlace(state, phase, suspicion.why, now);
      }
      return retryFailed(state, phase, stay(suspicion.why), now);
    case 'waiting':
      return stay(suspicion.why, {
        ...{ ask: suspicion.ask, wakeAt: suspicion.wakeAt },
        knock: suspicion.knock ? [phase.primary] : [],
      });
    case 'stopped': {
      if (suspicion.coldStart || !canFailOver(state, phase.primary))
        return restartInPlace(state, phase, suspicion.why, now);
      const inPlace = whyInPlace(state, phase.primary);
      return inPlace === null
        ? failOver(state, phase.primary, suspicion.why)
        : restartInPlace(state, phase, `${suspicion.why}; ${inPlace}`, now);
    }
    case 'gone':
      if (!canFailOver(state, phase.primary)) return cannotFence(state, suspicion.why);
      return suspicion.proven
        ? failOver(state, phase.primary, suspicion.why)
        : failOverForSilence(state, phase.primary, suspicion.why, now);
  }
}

/** Failover by itself is wanted and possible. */
function canFailOver(state: ClusterState, primary: string): boolean {
  return whyNotAutomatic(state.record) === '' && canFence(state, primary);
}

function failOver(state: ClusterState, primary: string, why: string): Decision {
  const reason = `${why}: voters are asked to promise epoch ${state.record.epoch + 1}`;
  return newEpoch(state, { cause: 'failover', from: primary, authority: primary, prefer: '' }, reason);
}

function failOverForSilence(state: ClusterState, primary: string, why: string, now: number): Decision {
  const until = restsUntil(state, now);
  const { name } = state.record.spec;
  if (until === null) {
    const reason = `${why}: voters are asked to promise epoch ${state.record.epoch + 1}`;
    return failOverSilent(state, primary, reason);
  }
  const left = Math.ceil((until - now) / 1000);
  return stay(
    `${why}; the last failover because of silence was a moment ago, so the next is in ${left} s: howdah failover ${name} does it now`,
    { wakeAt: until },
  );
}

function cannotFence(state: ClusterState, why: string): Decision {
  const { sync, spec } = state.record;
  const off = whyNotAutomatic(state.record);
  if (off !== '') return stay(`${why}; ${off}`);
  if (spec.durability.mode === 'async') return stay(`${why}; no other instance can take over`);
  if (sync.voters.length === 0)
    return stay(`${why}; no standby is recorded as having every commit, so none may take over`);
  const need = promiseQuorum(sync);
  return stay(`${why}; a failover needs promises of ${need} of ${sync.voters.join(', ')}, and fewer can be reached`);
}

/** Crash recovery can show rows that no standby has, so the gate is shut before PostgreSQL starts again. */
function restartInPlace(state: ClusterState, phase: Active, why: string, now: number): Decision {
  if (phase.gate === 'closed') return retryFailed(state, phase, stay(`${why}; it is being started`), now);
  const phaseClosed: Active = { kind: 'active', primary: phase.primary, gate: 'closed', sync: state.record.sync };
  const step = move(state, 'restart', `${why}; it is started again in its place`, {
    phase: phaseClosed,
    operations: withoutRestart(state.record.operations, phase.primary),
  });
  return { ...step, retry: [phase.primary] };
}

function retryFailed(state: ClusterState, phase: Active, decision: Decision, now: number): Decision {
  const { failedSince } = observed(state, phase.primary);
  if (failedSince === null) return decision;
  const detail = liveReport(state, phase.primary)?.goal?.detail ?? '';
  const at = failedSince + RETRY_AFTER_MS;
  if (now < at) return { ...decision, reason: `${decision.reason} (${detail})`, wakeAt: earliest(decision.wakeAt, at) };
  return { ...decision, reason: `${decision.reason} (${detail})`, retry: [phase.primary] };
}

function openGate(state: ClusterState, phase: Extract<Active, { gate: 'closed' }>, now: number): Decision {
  const { primary, sync } = phase;
  const report = liveReport(state, primary)!;
  if (report.postgres.kind !== 'primary') return stay(`${primary} is not a primary yet`);
  const { postgres } = report;
  const confirmed = confirmedSync(state, primary, goalId(leadGoal(state, primary, sync)));
  if (confirmed && sameSync(confirmed, sync) && flushedCount(postgres, sync, postgres.endOfRecoveryLsn) >= sync.k) {
    const old = oldPrimary(state, primary, now);
    if (old) return stay(`${primary} takes no writes until ${old.instance} has stopped`, { wakeAt: old.until });
    const who =
      sync.k === 0 ? 'no standby has to confirm' : `${sync.k} of ${sync.voters.join(', ')} hold what it holds`;
    const open = move(state, 'open', `${primary} takes writes: ${who}`, {
      sync,
      phase: { kind: 'active', primary, gate: 'open' },
    });
    const done = completed(state, primary, now);
    return done && open.change ? { ...open, change: { ...open.change, change: done } } : open;
  }
  const better = votersWhileClosed(state, phase, now);
  if (better) {
    return move(state, 'voters', `${primary} waits for ${describe(better)} before it takes writes`, {
      phase: { ...phase, sync: better },
    });
  }
  return retryFailed(state, phase, stay(`${primary} takes no writes until ${describe(sync)} hold what it holds`), now);
}

/** The voters first: what people asked for has time. */
function serve(state: ClusterState, phase: Extract<Active, { gate: 'open' }>, now: number): Decision {
  const kept = keepVoters(state, phase, now);
  const asked = kept.change ? null : (endRest(state, now) ?? decideOperations(state, phase));
  const calm = { ...kept, wakeAt: earliest(kept.wakeAt, restsUntil(state, now)) };
  if (!asked || asked.change) return asked ?? calm;
  return { ...calm, reason: `${kept.reason}; ${asked.reason}` };
}

function keepVoters(state: ClusterState, phase: Active, now: number): Decision {
  const { record } = state;
  const { stored } = syncStep(state, phase.primary, now);
  if (!sameSync(stored, record.sync)) {
    return move(state, 'voters', `commits wait for ${describe(stored)} (before: ${describe(record.sync)})`, {
      sync: stored,
    });
  }
  const settings = decideSettings(state, phase.primary);
  if (settings?.change) return settings;
  const leaving = decideMembers(state, phase.primary, now);
  if (leaving) return { ...leaving, wakeAt: earliest(leaving.wakeAt, graceEndsAt(state, now)) };
  return stay(`${phase.primary} leads epoch ${record.epoch}; commits wait for ${describe(record.sync)}`, {
    wakeAt: graceEndsAt(state, now),
  });
}

export function describe(sync: SyncConfig): string {
  return sync.k === 0 ? 'no standby' : `${sync.k} of ${sync.voters.join(', ')}`;
}
