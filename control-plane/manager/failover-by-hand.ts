/** A failover that a person asks for: with the primary dead or alive, and never silently at the cost of commits. */
import { primaryOf } from '../model/cluster-record.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import type { AcceptedLoss } from '../model/operations.ts';
import { promiseQuorum } from '../model/sync.ts';
import { canFence, isStandbyHere } from './able-voters.ts';
import { type Answer, noInstance, refused } from './answer.ts';
import { move, newEpoch } from './decision.ts';
import { type ClusterState, liveReport, observed } from './state.ts';

export function answerFailover(state: ClusterState, to: string, acceptDataLoss: boolean): Answer {
  const { phase, epoch, operations, spec } = state.record;
  const names = instanceNames(spec);
  if (to !== '' && !names.includes(to)) return refused(noInstance(to, names));
  switch (phase.kind) {
    case 'forming':
      return refused('the cluster has no data yet: wait until it is active');
    case 'draining':
    case 'stopping':
    case 'promoting':
      return refused(`the cluster is ${phase.kind}: that ends by itself, and goes on as a failover when it can't`);
    case 'fencing': {
      if (!acceptDataLoss) return refused(`a failover is under way; ${whyLossy(state)}`);
      const loss: AcceptedLoss = { epoch, to };
      const reason = `${howAccepted(state)}: ${to || 'whoever has most'} shall lead epoch ${epoch}`;
      return {
        kind: 'step',
        decision: move(state, 'failover', reason, { operations: { ...operations, acceptedLoss: loss } }),
      };
    }
    case 'active': {
      const reasons = [...whyNot(state, phase.primary, to), ...(acceptDataLoss ? [] : whyUnsafe(state, phase.primary))];
      if (reasons.length > 0) return refused(...reasons);
      const isSafe = canFence(state, phase.primary);
      const why = isSafe && !acceptDataLoss ? 'a failover was asked for' : howAccepted(state);
      const decision = newEpoch(
        state,
        { cause: 'failover', from: phase.primary, authority: phase.primary, prefer: to },
        `${why}: voters are asked to promise epoch ${epoch + 1}`,
      );
      if (!acceptDataLoss || !decision.change) return { kind: 'step', decision };
      const { record } = decision.change;
      const acceptedLoss: AcceptedLoss = { epoch: record.epoch, to };
      const change = { ...decision.change, record: { ...record, operations: { ...record.operations, acceptedLoss } } };
      return { kind: 'step', decision: { ...decision, change } };
    }
  }
}

function howAccepted({ record }: ClusterState): string {
  return `a failover of ${primaryOf(record.phase) || record.spec.name} was asked for, though commits may be lost`;
}

/** What no flag helps against. */
function whyNot(state: ClusterState, primary: string, to: string): string[] {
  const here = instanceNames(state.record.spec).filter((name) => name !== primary && isStandbyHere(state, name));
  if (to === primary) return [`${to} is the primary already: howdah restart ${to} restarts it in its place`];
  if (here.length === 0) return ['no other instance can be reached that has data: bring one up'];
  if (to !== '' && !here.includes(to)) return [`${to} can't lead: ${whyAbsent(state, to)}`];
  return [];
}

function whyAbsent(state: ClusterState, name: string): string {
  const { operations } = state.record;
  if (operations.fenced.includes(name)) return `it is fenced: howdah unfence ${name}`;
  const report = liveReport(state, name);
  return report ? `its PostgreSQL is ${report.postgres.kind}` : 'its agent is not connected';
}

/** What the flag overrides. */
function whyUnsafe(state: ClusterState, primary: string): string[] {
  return canFence(state, primary) ? [] : [whyLossy(state)];
}

function whyLossy(state: ClusterState): string {
  const { record } = state;
  const flag = `bring them back, or go on without them with --accept-data-loss`;
  const { sync } = record;
  if (sync.voters.length === 0) return `no standby is recorded as having every commit: ${flag}`;
  const missing = sync.voters.filter((name) => !isPresent(state, name));
  return `acknowledged commits could be lost: ${promiseQuorum(sync)} of ${sync.voters.join(', ')} must promise the new epoch, and ${missing.join(', ') || 'too few'} can't be asked: ${flag}`;
}

function isPresent(state: ClusterState, name: string): boolean {
  return observed(state, name).link.kind === 'up' && isStandbyHere(state, name);
}
