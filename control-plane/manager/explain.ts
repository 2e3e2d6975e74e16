/**
 * What would happen if the primary died at this moment, in sentences: who would lead, why each other would not, and
 * what to do about it. Pure; asks the same functions that decide.
 */
import type { Explanation } from '../api/explain-schema.ts';
import { memberNames, primaryOf } from '../model/cluster-record.ts';
import { mayVote } from '../model/cluster-spec.ts';
import { formatLsn } from '../model/lsn.ts';
import { isFenced } from '../model/operations.ts';
import { promiseQuorum } from '../model/sync.ts';
import { type Choice, chooseCandidate, contenderOf } from './candidates.ts';
import { whySooner } from './in-place.ts';
import { whyNotAutomatic } from './operations.ts';
import { type ClusterState, liveReport } from './state.ts';

export function explain(state: ClusterState, reason: string): Explanation {
  const { phase, spec } = state.record;
  if (phase.kind !== 'active') {
    const summary = `The cluster is ${phase.kind}: ${reason}.`;
    return {
      summary,
      leader: null,
      others: [],
      advice: ['Wait until it is active, or see the history for what holds it up.'],
    };
  }
  const others = memberNames(state.record).filter((name) => name !== phase.primary);
  const unable = others
    .map((instance) => ({ instance, why: whyUnable(state, instance) }))
    .filter(({ why }) => why !== '');
  const able = others.filter((name) => !unable.some(({ instance }) => instance === name));
  const choice = chooseAmong(state, able);
  const passedOver = [...choice.passedOver, ...unable];
  const obstacle = whyNobody(state, able.length, choice);
  if (obstacle || choice.kind === 'none') {
    return {
      summary: `If ${phase.primary} died now, nobody would take over: ${obstacle || 'no other instance may lead'}. Writes would be out until ${phase.primary} is back.`,
      leader: null,
      others: passedOver,
      advice: adviceFor(state, unable),
    };
  }
  const { contender, ahead } = choice;
  const loss =
    spec.durability.mode === 'async'
      ? ' Commits that it has not received would be lost, and it would wait for the end of the lease if the old primary can not be asked.'
      : ' No acknowledged commit would be lost.';
  const first = ahead
    ? ` First it would get the WAL up to ${formatLsn(ahead.lsn)} from ${ahead.instance}: ${ahead.barred}.`
    : '';
  return {
    summary: `If ${phase.primary} died now, ${contender.instance} would lead epoch ${state.record.epoch + 1}: it has WAL up to ${formatLsn(contender.lsn)} on timeline ${contender.timeline}.${first}${loss}${inPlace(state, phase.primary)}${resting(state)}`,
    leader: contender.instance,
    others: passedOver,
    advice: adviceFor(state, unable),
  };
}

/** Where it is known to be back sooner. */
function inPlace(state: ClusterState, primary: string): string {
  const why = whySooner(state, primary, false);
  return why ? ` If only its PostgreSQL crashed, it would be started again in its place: ${why}.` : '';
}

/** A failover because of silence rests for a while after the last one. */
function resting({ record }: ClusterState): string {
  const { operations, spec } = record;
  if (operations.silentEpoch === null) return '';
  const seconds = spec.failover.restAfterSilenceMs / 1000;
  return ` If it only fell silent, that would wait: the last failover because of silence was less than ${seconds} s ago; howdah failover ${spec.name} waits for nothing.`;
}

function chooseAmong(state: ClusterState, able: readonly string[]): Choice {
  const contenders = able
    .map((name) => contenderOf(liveReport(state, name)!, state.record))
    .filter((contender) => contender !== null);
  const { timeline, timelineHistory: history } = state.record;
  return chooseCandidate(contenders, { timeline, history, unconfirmed: false }, '');
}

/** '' = it could promise and be compared. */
function whyUnable(state: ClusterState, instance: string): string {
  if (isFenced(state.record.operations, instance)) return 'it is fenced';
  const report = liveReport(state, instance);
  if (!report) return 'its agent is not connected';
  if (report.postgres.kind !== 'standby') return `its PostgreSQL is ${report.postgres.kind}`;
  const { spec, sync } = state.record;
  if (spec.durability.mode !== 'async' && !mayVote(spec, instance)) return 'by its tags commits do not wait for it';
  if (spec.durability.mode !== 'async' && !sync.voters.includes(instance)) {
    return 'commits do not wait for it, so it may lack some of them';
  }
  return '';
}

/** '' = a failover could gather what it needs. */
function whyNobody(state: ClusterState, able: number, choice: Choice): string {
  const { spec, sync } = state.record;
  const off = whyNotAutomatic(state.record);
  if (off !== '') return off;
  if (spec.instances === 1) return 'it is the only instance';
  if (spec.durability.mode === 'async') return choice.kind === 'none' ? 'no standby can be reached' : '';
  if (sync.voters.length === 0) return 'no standby is recorded as having every commit';
  const need = promiseQuorum(sync);
  const voters = sync.voters.join(', ');
  if (able < need) return `${need} of ${voters} must promise, and ${able} can be reached`;
  if (choice.kind === 'none' || choice.witnesses >= need) return '';
  const { contender, witnesses } = choice;
  return `${need} of ${voters} must show that ${contender.instance} lacks no commit of theirs, and ${witnesses} can`;
}

function adviceFor(
  state: ClusterState,
  unable: readonly { readonly instance: string; readonly why: string }[],
): string[] {
  const { spec, phase, operations } = state.record;
  const advice = unable
    .filter(({ why }) => !why.startsWith('by its tags'))
    .map(({ instance, why }) =>
      why === 'it is fenced'
        ? `Let ${instance} back when it may serve: howdah unfence ${instance}.`
        : why.startsWith('commits do not')
          ? `Give ${instance} a moment: it votes as soon as it streams; if it does not, see why it can't in its log and in describe.`
          : `Bring ${instance} back: ${why}.`,
    );
  if (!spec.failover.automatic) advice.push('Set spec.failover.automatic: true to let Howdah fail over by itself.');
  if (operations.paused) advice.push(`Let Howdah fail over by itself again: howdah resume ${spec.name}.`);
  if (spec.instances === 1) advice.push('Add instances: with three, any one may be lost.');
  if (spec.instances === 2 && spec.durability.mode === 'strict') {
    advice.push(
      `Add an instance: with two, the loss of ${primaryOf(phase)} leaves a primary whose writes wait for a standby.`,
    );
  }
  return advice;
}
