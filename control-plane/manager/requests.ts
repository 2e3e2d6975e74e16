/** What a person asks of a cluster: what forbids it, or the step that stores it. Pure. */
import type { OperatorRequest } from '../api/view.ts';
import { type ClusterRecord, memberNames, primaryOf } from '../model/cluster-record.ts';
import { HowdahError } from '../model/errors.ts';
import { isFenced, type Operations, restartOf } from '../model/operations.ts';
import { type Answer, noInstance, refused } from './answer.ts';
import { checkSwitchover } from './decide-switchover.ts';
import { move } from './decision.ts';
import { answerFailover } from './failover-by-hand.ts';
import { isStreaming } from './operations.ts';
import { type ClusterState, liveReport } from './state.ts';

export function answerRequest(state: ClusterState, request: OperatorRequest): Answer {
  const { operations, spec } = state.record;
  switch (request.kind) {
    case 'pause':
      if (operations.paused) return nothing(`automatic failover of ${spec.name} is paused already`);
      return change(state, 'pause', 'automatic failover was paused by hand', { paused: true });
    case 'resume':
      if (!operations.paused) return nothing(`automatic failover of ${spec.name} was not paused`);
      return change(state, 'resume', 'automatic failover was resumed by hand', { paused: false });
    case 'failover':
      return answerFailover(state, request.to, request.acceptDataLoss);
    case 'restart':
      return whyNotHere(state, request.instance) ?? restart(state, request.instance);
    case 'rolling-restart':
      return rollingRestart(state, request.why, request.waitMs);
    case 'reinit':
      return whyNotHere(state, request.instance) ?? reinit(state, request.instance);
    case 'fence':
      return unknown(state.record, request.instance) ?? fence(state, request.instance, request.force);
    case 'unfence':
      return unknown(state.record, request.instance) ?? unfence(state, request.instance);
  }
}

/** The error of a request that is refused: each reason is one of its problems. */
export function refusal(request: OperatorRequest, reasons: readonly string[]): HowdahError {
  return new HowdahError('failed-precondition', `${request.kind} is refused`, {
    problems: reasons.map((message) => ({ path: request.kind, message })),
  });
}

function nothing(text: string): Answer {
  return { kind: 'nothing', text };
}

function change(state: ClusterState, kind: string, reason: string, patch: Partial<Operations>): Answer {
  const operations = { ...state.record.operations, ...patch };
  return { kind: 'step', decision: move(state, kind, reason, { operations }) };
}

function unknown(record: ClusterRecord, instance: string): Answer | null {
  const names = memberNames(record);
  return names.includes(instance) ? null : refused(noInstance(instance, names));
}

/** For what an instance's agent has to do. */
function whyNotHere(state: ClusterState, instance: string): Answer | null {
  const { record } = state;
  const missing = unknown(record, instance);
  if (missing) return missing;
  if (record.phase.kind !== 'active') return refused(`the cluster is ${record.phase.kind}: wait until it is active`);
  if (isFenced(record.operations, instance)) return refused(`${instance} is fenced: howdah unfence ${instance} first`);
  if (!liveReport(state, instance)) return refused(`the agent of ${instance} is not connected: start it first`);
  return null;
}

function restart(state: ClusterState, instance: string): Answer {
  const { operations } = state.record;
  if (restartOf(operations, instance)) return nothing(`${instance} is being restarted already`);
  return change(state, 'restart', `a restart of ${instance} was asked for`, {
    restarts: [...operations.restarts, { instance, stage: 'stop' }],
  });
}

function rollingRestart(state: ClusterState, why: string, waitMs: number): Answer {
  const { operations, phase } = state.record;
  if (phase.kind === 'forming') return refused('the cluster is forming: wait until it is active');
  if (operations.rolling) return nothing(`a rolling restart is under way: ${operations.rolling.why}`);
  const reason = `a restart of all instances was asked for (${why}): standbys first, then a switchover`;
  return change(state, 'restart', reason, { rolling: { why, waitMs, done: [] } });
}

function reinit(state: ClusterState, instance: string): Answer {
  const { operations, phase } = state.record;
  if (primaryOf(phase) === instance) {
    return refused(`${instance} is the primary: only a standby can be copied anew; howdah switchover first`);
  }
  if (operations.reinits.includes(instance)) return nothing(`the data of ${instance} is being set aside already`);
  return change(state, 'reinit', `a new copy of ${instance} was asked for`, {
    reinits: [...operations.reinits, instance],
  });
}

function fence(state: ClusterState, instance: string, force: boolean): Answer {
  const { operations, phase } = state.record;
  if (isFenced(operations, instance)) return nothing(`${instance} is fenced already`);
  if (phase.kind !== 'active') return refused(`the cluster is ${phase.kind}: wait until it is active`);
  const isPrimary = phase.primary === instance;
  const reasons = isPrimary ? whyNoSuccessor(state) : force ? [] : whyNeeded(state, instance);
  if (reasons.length > 0) return refused(...reasons);
  const how = isPrimary ? 'it hands over to another instance and is stopped' : 'it is stopped and stays so';
  return change(state, 'fence', `${instance} was fenced by hand: ${how}`, {
    fenced: [...operations.fenced, instance].sort(),
  });
}

function whyNoSuccessor(state: ClusterState): string[] {
  const { forbidden } = checkSwitchover(state, { to: '', waitMs: 0 });
  if (forbidden.length === 0) return [];
  const { name } = state.record.spec;
  return [
    `it is the primary and can't hand over: ${forbidden.join('; ')}`,
    `bring a standby up, or howdah failover ${name} when the primary is gone`,
  ];
}

/** Writes would wait for a standby without it. */
function whyNeeded(state: ClusterState, instance: string): string[] {
  const { sync, phase } = state.record;
  if (!sync.voters.includes(instance)) return [];
  const left = sync.voters.filter((name) => name !== instance && isStreaming(state, name));
  if (left.length >= sync.k) return [];
  const others = left.length === 0 ? 'no other voter streams' : `only ${left.join(', ')} would be left`;
  return [
    `commits on ${primaryOf(phase)} wait for ${sync.k} of ${sync.voters.join(', ')}, and ${others}: without ${instance} writes wait; bring another standby up first, or fence it with --force`,
  ];
}

function unfence(state: ClusterState, instance: string): Answer {
  const { fenced } = state.record.operations;
  if (!fenced.includes(instance)) return nothing(`${instance} is not fenced`);
  return change(state, 'unfence', `${instance} was unfenced by hand: it comes back as a standby`, {
    fenced: fenced.filter((name) => name !== instance),
  });
}
