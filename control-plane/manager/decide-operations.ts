/** What people asked for, one step at a time, while the primary is well and takes writes. */
import type { ClusterRecord, Phase } from '../model/cluster-record.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import { isFenced, type Operations, type Rolling, restartOf, withoutRestart } from '../model/operations.ts';
import { beginSwitchover, checkSwitchover } from './decide-switchover.ts';
import { type Decision, move, stay } from './decision.ts';
import { hasEnded, isStreaming } from './operations.ts';
import { type ClusterState, liveReport } from './state.ts';
import type { Suspicion } from './suspicion.ts';

type Open = Extract<Phase, { kind: 'active'; gate: 'open' }>;
type Closed = Extract<Phase, { kind: 'active'; gate: 'closed' }>;

/** null = nothing was asked for. */
export function decideOperations(state: ClusterState, phase: Open): Decision | null {
  return (
    finishRestarts(state, phase.primary) ??
    finishReinits(state, phase.primary) ??
    leaveFenced(state, phase.primary) ??
    closeForRestart(state, phase) ??
    decideRolling(state, phase.primary)
  );
}

function change(state: ClusterState, kind: string, reason: string, patch: Partial<Operations>): Decision {
  return move(state, kind, reason, { operations: { ...state.record.operations, ...patch } });
}

function finishRestarts(state: ClusterState, primary: string): Decision | null {
  const { operations } = state.record;
  const ended = operations.restarts.find(
    ({ instance }) => instance !== primary && (hasEnded(state, instance, 'stop') || isFenced(operations, instance)),
  );
  if (!ended) return null;
  return move(state, 'restart', `${ended.instance} is stopped: it is started again`, {
    operations: restarted(operations, ended.instance),
  });
}

function finishReinits(state: ClusterState, primary: string): Decision | null {
  const { reinits } = state.record.operations;
  const ended = reinits.find((instance) => instance === primary || hasEnded(state, instance, 'retire'));
  if (!ended) return null;
  const reason =
    ended === primary
      ? `${ended} leads now: its data is not set aside`
      : `the data of ${ended} is set aside: it is copied anew from ${primary}`;
  return change(state, 'reinit', reason, { reinits: reinits.filter((instance) => instance !== ended) });
}

/** A primary that was fenced hands over first. */
function leaveFenced(state: ClusterState, primary: string): Decision | null {
  if (!isFenced(state.record.operations, primary)) return null;
  const { target, forbidden } = checkSwitchover(state, { to: '', waitMs: 0 });
  if (forbidden.length > 0)
    return stay(`${primary} is to be fenced, but nobody can take over: ${forbidden.join('; ')}`);
  return beginSwitchover(state, primary, target, 0);
}

function closeForRestart(state: ClusterState, phase: Open): Decision | null {
  if (!restartOf(state.record.operations, phase.primary)) return null;
  const { sync } = state.record;
  return move(state, 'restart', `${phase.primary} is restarted: rw is closed meanwhile`, {
    phase: { kind: 'active', primary: phase.primary, gate: 'closed', sync },
  });
}

/** A restart of the primary in its place, behind the closed gate; null = there is none, or the primary is gone. */
export function decideRestart(state: ClusterState, phase: Closed, suspicion: Suspicion): Decision | null {
  const { operations } = state.record;
  const { primary } = phase;
  const restart = restartOf(operations, primary);
  if (!restart) return null;
  const isWell = suspicion.kind === 'well';
  if (restart.stage === 'stop') {
    if (isWell) return stay(`${primary} is being stopped, to be started again`);
    if (suspicion.kind === 'stopped' && hasEnded(state, primary, 'stop')) {
      const restarts = operations.restarts.map((one) => (one === restart ? { ...one, stage: 'start' as const } : one));
      return change(state, 'restart', `${primary} is stopped: it is started again`, { restarts });
    }
  } else {
    if (isWell) return move(state, 'restart', `${primary} runs again`, { operations: restarted(operations, primary) });
    const postgres = liveReport(state, primary)?.postgres;
    if (postgres?.kind === 'stopped' && postgres.how === 'requested') return stay(`${primary} is being started again`);
  }
  if (suspicion.kind !== 'stopped') return null;
  // It is judged as any primary that died.
  const operationsWithout = withoutRestart(operations, primary);
  return move(state, 'restart', `${suspicion.why} while it was restarted`, { operations: operationsWithout });
}

function restarted(operations: Operations, instance: string): Operations {
  const { rolling } = operations;
  const next = withoutRestart(operations, instance);
  return rolling ? { ...next, rolling: { ...rolling, done: [...rolling.done, instance] } } : next;
}

function decideRolling(state: ClusterState, primary: string): Decision | null {
  const { operations } = state.record;
  const { rolling, restarts } = operations;
  if (!rolling) return null;
  if (restarts.length > 0) return stay(`rolling restart (${rolling.why}): ${restarts[0]!.instance} is being restarted`);
  const others = unfenced(state.record).filter((name) => name !== primary);
  const absent = others.filter((name) => !isStreaming(state, name));
  if (absent.length > 0) {
    return stay(
      `rolling restart (${rolling.why}) waits until ${absent.join(', ')} stream${absent.length === 1 ? 's' : ''}; one that won't come back is left out when it is fenced`,
    );
  }
  const next = others.find((name) => !rolling.done.includes(name));
  if (next !== undefined) return begin(state, next, `rolling restart (${rolling.why}): ${next} is restarted`);
  if (rolling.done.includes(primary)) {
    return change(state, 'restart', `the rolling restart (${rolling.why}) is done`, { rolling: null });
  }
  if (others.length === 0) return begin(state, primary, `rolling restart (${rolling.why}): ${primary} is restarted`);
  return handOver(state, primary, rolling);
}

function unfenced({ spec, operations }: ClusterRecord): string[] {
  return instanceNames(spec).filter((name) => !isFenced(operations, name));
}

function begin(state: ClusterState, instance: string, reason: string): Decision {
  return change(state, 'restart', reason, {
    restarts: [...state.record.operations.restarts, { instance, stage: 'stop' }],
  });
}

/** However this switchover ends, it stops the old primary: that one is done. */
function handOver(state: ClusterState, primary: string, rolling: Rolling): Decision {
  const { target, forbidden } = checkSwitchover(state, { to: '', waitMs: rolling.waitMs });
  if (forbidden.length > 0) return stay(`rolling restart (${rolling.why}) waits: ${forbidden.join('; ')}`);
  const operations = { ...state.record.operations, rolling: { ...rolling, done: [...rolling.done, primary] } };
  const begun = { ...state, record: { ...state.record, operations } };
  return beginSwitchover(begun, primary, target, rolling.waitMs);
}
