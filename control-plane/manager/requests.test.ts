import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import type { OperatorRequest } from '../api/view.ts';
import type { Phase } from '../model/cluster-record.ts';
import { goalId } from '../model/goal.ts';
import { NO_OPERATIONS, type Operations } from '../model/operations.ts';
import { decide } from './decide.ts';
import { answerRequest } from './requests.ts';
import type { ClusterState } from './state.ts';

function refusals(state: ClusterState, request: OperatorRequest): readonly string[] {
  const answer = answerRequest(state, request);
  return answer.kind === 'refused' ? answer.reasons : [];
}

function stored(state: ClusterState, request: OperatorRequest): ClusterState {
  const answer = answerRequest(state, request);
  if (answer.kind !== 'step' || !answer.decision.change) throw new Error(`no step: ${JSON.stringify(answer)}`);
  return observe(state, 1, { kind: 'record', record: answer.decision.change.record });
}

const operations = (change: Partial<Operations>) => ({ operations: { ...NO_OPERATIONS, ...change } });
const failover = (to = '', acceptDataLoss = false): OperatorRequest => ({ kind: 'failover', to, acceptDataLoss });
const without = (...names: string[]) =>
  names.reduce((state, instance) => observe(state, 5, { kind: 'disconnected', instance }), buildCluster());

describe('what is so already', () => {
  it.each<[Partial<Operations>, OperatorRequest]>([
    [{ paused: true }, { kind: 'pause' }],
    [{}, { kind: 'resume' }],
    [{ restarts: [{ instance: 'orders-2', stage: 'stop' }] }, { kind: 'restart', instance: 'orders-2' }],
    [{ rolling: { why: 'x', waitMs: 0, done: [] } }, { kind: 'rolling-restart', why: 'y', waitMs: 0 }],
    [{ reinits: ['orders-2'] }, { kind: 'reinit', instance: 'orders-2' }],
    [{ fenced: ['orders-2'] }, { kind: 'fence', instance: 'orders-2', force: false }],
    [{}, { kind: 'unfence', instance: 'orders-2' }],
  ])('is no error: %j, %j', (change, request) => {
    expect(answerRequest(buildCluster({ record: operations(change) }), request).kind).toBe('nothing');
  });
});

describe('what is refused', () => {
  it.each<OperatorRequest>([
    failover('orders-9'),
    { kind: 'restart', instance: 'orders-9' },
    { kind: 'reinit', instance: 'orders-9' },
    { kind: 'fence', instance: 'orders-9', force: false },
    { kind: 'unfence', instance: 'orders-9' },
  ])('names an instance that is none: %j', (request) => {
    expect(refusals(buildCluster(), request)).toEqual([
      'there is no instance orders-9: the instances are orders-1, orders-2, orders-3',
    ]);
  });

  it('a new copy of the primary', () => {
    expect(refusals(buildCluster(), { kind: 'reinit', instance: 'orders-1' })[0]).toContain('howdah switchover');
  });

  it('to do something with an instance whose agent is away, or that is fenced', () => {
    expect(refusals(without('orders-3'), { kind: 'restart', instance: 'orders-3' })[0]).toContain('not connected');
    const fenced = buildCluster({ record: operations({ fenced: ['orders-3'] }) });
    expect(refusals(fenced, { kind: 'reinit', instance: 'orders-3' })[0]).toContain('howdah unfence orders-3');
  });

  it('to fence a standby without which writes wait, unless forced', () => {
    const state = without('orders-3');
    expect(refusals(state, { kind: 'fence', instance: 'orders-2', force: false })[0]).toContain('--force');
    expect(stored(state, { kind: 'fence', instance: 'orders-2', force: true }).record.operations.fenced).toEqual([
      'orders-2',
    ]);
  });

  it('to fence a primary that nobody can follow, also when forced', () => {
    const state = without('orders-2', 'orders-3');
    const [reason, todo] = refusals(state, { kind: 'fence', instance: 'orders-1', force: true });
    expect(reason).toContain("can't hand over");
    expect(todo).toContain('howdah failover orders');
  });
});

describe('a failover by hand', () => {
  it('begins a new epoch with the primary alive, and while automatic failover is paused', () => {
    const state = buildCluster({ record: operations({ paused: true }) });
    expect(stored(state, failover('orders-3')).record).toMatchObject({
      epoch: 2,
      phase: { kind: 'fencing', from: 'orders-1', authority: 'orders-1', prefer: 'orders-3' },
      operations: { acceptedLoss: null },
    });
  });

  it('is refused with the reason when commits could be lost, and then needs the flag', () => {
    const state = without('orders-1', 'orders-3');
    const [reason] = refusals(state, failover());
    expect(reason).toContain('2 of orders-2, orders-3 must promise');
    expect(reason).toContain("orders-3 can't be asked");
    expect(reason).toContain('--accept-data-loss');
    expect(stored(state, failover('', true)).record).toMatchObject({
      epoch: 2,
      operations: { acceptedLoss: { epoch: 2, to: '' } },
    });
  });

  it('is refused even with the flag when nobody has data', () => {
    expect(refusals(without('orders-2', 'orders-3'), failover('', true))).toHaveLength(1);
    expect(refusals(without('orders-3'), failover('orders-3', true))[0]).toContain('not connected');
    expect(refusals(buildCluster(), failover('orders-1', true))[0]).toContain('is the primary already');
  });

  it('is refused while a change of primary is under way', () => {
    const phase: Phase = { kind: 'stopping', primary: 'orders-1', target: 'orders-2' };
    expect(refusals(buildCluster({ record: { phase } }), failover())[0]).toContain('ends by itself');
  });
});

describe('with commits given up', () => {
  const phase: Phase = { kind: 'fencing', cause: 'failover', from: 'orders-1', authority: 'orders-1', prefer: '' };

  /** orders-1 and orders-3 are away; orders-2 promised epoch 2 with WAL up to 1500. */
  function stuck(acceptedLoss: Operations['acceptedLoss']): ClusterState {
    const state = observe(without('orders-1', 'orders-3'), 6, {
      kind: 'record',
      record: { ...buildCluster().record, epoch: 2, phase, ...operations({ acceptedLoss }) },
    });
    const goal = { id: goalId({ kind: 'fence', epoch: 2 }), status: 'done' as const, detail: '' };
    const postgres = { kind: 'standby', receiveLsn: 1500n, replayLsn: 1500n, streaming: false } as const;
    const report = buildReport('orders-2', { seq: 9, promisedEpoch: 2, goal, postgres });
    return observe(state, 7, { kind: 'report', report });
  }

  it('fewer than q promises never lead to a primary by themselves', () => {
    expect(decide(stuck(null), 60_000).change).toBeNull();
  });

  it('a failover that is stuck goes on with whoever answered', () => {
    const state = stored(stuck(null), failover('', true));
    expect(state.record.operations.acceptedLoss).toEqual({ epoch: 2, to: '' });
    const { change } = decide(state, 600);
    expect(change).toMatchObject({ kind: 'promote', record: { phase: { candidate: 'orders-2' } } });
    expect(change?.reason).toContain('commits may be lost');
  });

  it('what was accepted holds for that epoch only', () => {
    expect(decide(stuck({ epoch: 1, to: '' }), 60_000).change).toBeNull();
  });

  it('nobody but the one that was named leads', () => {
    expect(decide(stuck({ epoch: 2, to: 'orders-3' }), 60_000).change).toBeNull();
    expect(decide(stuck({ epoch: 2, to: 'orders-2' }), 600).change).toMatchObject({ kind: 'promote' });
  });
});
