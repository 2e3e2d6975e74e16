import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import type { ClusterRecord } from '../model/cluster-record.ts';
import { goalId } from '../model/goal.ts';
import type { InstanceReport, PostgresState } from '../model/instance.ts';
import { NO_OPERATIONS, type Operations } from '../model/operations.ts';
import { decide } from './decide.ts';
import { goalFor } from './goals.ts';
import type { ClusterState } from './state.ts';

const stopped = (how: 'boot' | 'crashed' | 'requested', clean = true): PostgresState => ({
  kind: 'stopped',
  how,
  clean,
  checkpointLsn: 1900n,
});
const streaming: PostgresState = { kind: 'standby', receiveLsn: 2000n, replayLsn: 2000n, streaming: true };
const ended = (kind: 'stop' | 'retire', epoch = 1) => ({
  id: goalId({ kind, epoch }),
  status: 'done' as const,
  detail: '',
});

function asked(operations: Partial<Operations>, record: Partial<ClusterRecord> = {}): ClusterState {
  return buildCluster({ record: { operations: { ...NO_OPERATIONS, ...operations }, ...record } });
}

function report(state: ClusterState, now: number, instance: string, change: Partial<InstanceReport>): ClusterState {
  return observe(state, now, { kind: 'report', report: buildReport(instance, { seq: 1 + now, ...change }) });
}

/** The step that is decided, as if it were stored. */
function step(state: ClusterState, now: number): ClusterState {
  const { change } = decide(state, now);
  if (!change) throw new Error('nothing was decided');
  return observe(state, now, { kind: 'record', record: change.record });
}

const goalKind = (state: ClusterState, instance: string) => goalFor(state, instance, 0)?.kind;

describe('a restart of a standby', () => {
  const state = asked({ restarts: [{ instance: 'orders-2', stage: 'stop' }] });

  it('stops it, and lets it follow when it is stopped', () => {
    expect([goalKind(state, 'orders-1'), goalKind(state, 'orders-2')]).toEqual(['lead', 'stop']);
    expect(decide(state, 0).change).toBeNull();
    const down = report(state, 10, 'orders-2', { postgres: stopped('requested'), goal: ended('stop') });
    expect(goalKind(step(down, 10), 'orders-2')).toBe('follow');
  });

  it('is not taken for done by the stop of an earlier epoch', () => {
    const down = report(state, 10, 'orders-2', { postgres: stopped('requested'), goal: ended('stop', 0) });
    expect(decide(down, 10).change).toBeNull();
  });

  it('rests while the gate is closed: it may be the one that the gate waits for', () => {
    const phase = {
      kind: 'active',
      primary: 'orders-1',
      gate: 'closed',
      sync: { voters: ['orders-2'], k: 1 },
    } as const;
    const closed = asked({ restarts: [{ instance: 'orders-2', stage: 'stop' }] }, { phase });
    expect(goalKind(closed, 'orders-2')).toBe('follow');
  });
});

describe('a restart of the primary', () => {
  const open = asked({ restarts: [{ instance: 'orders-1', stage: 'stop' }] });
  const closed = step(open, 1);

  it('closes the gate before it stops PostgreSQL', () => {
    expect(goalKind(open, 'orders-1')).toBe('lead');
    expect(closed.record).toMatchObject({ epoch: 1, phase: { kind: 'active', gate: 'closed' } });
    expect(goalKind(closed, 'orders-1')).toBe('stop');
    // It still runs: the gate stays shut.
    expect(decide(closed, 2).change).toBeNull();
  });

  it('starts it again, and only then the gate may open', () => {
    const down = report(closed, 10, 'orders-1', { postgres: stopped('requested'), goal: ended('stop') });
    const starting = step(down, 10);
    expect(goalFor(starting, 'orders-1', 10)).toMatchObject({ kind: 'lead', start: true });
    expect(decide(starting, 11)).toMatchObject({ change: null, reason: 'orders-1 is being started again' });
    const { postgres } = buildCluster().instances['orders-1']!.report!;
    const up = step(report(starting, 20, 'orders-1', { postgres }), 20);
    expect(up.record).toMatchObject({ phase: { gate: 'closed' }, operations: { restarts: [] } });
  });

  it.each(['stop', 'start'] as const)('is given up for a failover when it dies in the stage %s', (stage) => {
    const phase = closed.record.phase;
    const state = asked({ restarts: [{ instance: 'orders-1', stage }] }, { phase });
    const dead = step(report(state, 10, 'orders-1', { postgres: stopped('crashed', false) }), 10);
    expect(dead.record.operations.restarts).toEqual([]);
    expect(decide(dead, 10).change).toMatchObject({ kind: 'failover', record: { epoch: 2 } });
  });

  it('ends with the epoch, whoever began that', () => {
    const gone = observe(
      open,
      10,
      { kind: 'disconnected', instance: 'orders-1' },
      { kind: 'heard', instance: 'orders-1', sound: 'refusal' },
    );
    const blind = ['orders-2', 'orders-3'].reduce(
      (state, name) => report(state, 11, name, { postgres: { ...streaming, streaming: false } }),
      gone,
    );
    expect(decide(blind, 11).change?.record).toMatchObject({ epoch: 2, operations: { restarts: [] } });
  });
});

describe('a rolling restart', () => {
  const rolling = { why: 'a test', waitMs: 0, done: [] };

  it('takes the standbys one by one, then hands over from the primary', () => {
    let state = step(asked({ rolling }), 1);
    expect(state.record.operations.restarts).toEqual([{ instance: 'orders-2', stage: 'stop' }]);
    state = step(report(state, 10, 'orders-2', { postgres: stopped('requested'), goal: ended('stop') }), 10);
    expect(state.record.operations).toMatchObject({ restarts: [], rolling: { done: ['orders-2'] } });
    // Not the next one before this one streams again.
    expect(decide(state, 11).change).toBeNull();
    state = step(report(state, 20, 'orders-2', { postgres: streaming }), 20);
    expect(state.record.operations.restarts).toEqual([{ instance: 'orders-3', stage: 'stop' }]);
    state = step(report(state, 30, 'orders-3', { postgres: stopped('requested'), goal: ended('stop') }), 30);
    state = step(report(state, 40, 'orders-3', { postgres: streaming }), 40);
    expect(state.record).toMatchObject({
      phase: { kind: 'stopping', primary: 'orders-1' },
      operations: { rolling: { done: ['orders-2', 'orders-3', 'orders-1'] } },
    });
  });

  it('leaves out who is fenced, and waits for who is away', () => {
    const without = step(asked({ rolling, fenced: ['orders-2'] }), 1);
    expect(without.record.operations.restarts).toEqual([{ instance: 'orders-3', stage: 'stop' }]);
    const away = observe(asked({ rolling }), 5, { kind: 'disconnected', instance: 'orders-3' });
    const decision = decide(away, 6);
    expect(decision.change).toBeNull();
    expect(decision.reason).toContain('waits until orders-3 streams');
  });

  it('ends when all are done', () => {
    const state = step(asked({ rolling: { ...rolling, done: ['orders-1', 'orders-2', 'orders-3'] } }), 1);
    expect(state.record.operations.rolling).toBeNull();
  });

  it('restarts a primary without standbys in its place', () => {
    const state = step(asked({ rolling: { ...rolling }, fenced: ['orders-2', 'orders-3'] }), 1);
    expect(state.record.operations.restarts).toEqual([{ instance: 'orders-1', stage: 'stop' }]);
  });
});

describe('a new copy of a standby', () => {
  it('waits until commits do not count on it, in the store and in PostgreSQL', () => {
    const state = asked({ reinits: ['orders-3'] });
    expect(goalKind(state, 'orders-3')).toBe('follow');
    const stored = asked({ reinits: ['orders-3'] }, { sync: { voters: ['orders-2'], k: 1 } });
    // PostgreSQL of the builder's primary still waits for both.
    expect(goalKind(buildCluster({ voters: ['orders-2', 'orders-3'], record: stored.record }), 'orders-3')).toBe(
      'retire',
    );
  });

  it('follows again when its data is set aside', () => {
    const state = asked({ reinits: ['orders-3'] }, { sync: { voters: ['orders-2'], k: 1 } });
    const gone = report(state, 10, 'orders-3', { postgres: { kind: 'absent' }, goal: ended('retire') });
    const done = step(gone, 10);
    expect(done.record.operations.reinits).toEqual([]);
    expect(goalKind(done, 'orders-3')).toBe('follow');
  });

  it('never touches the data of one that leads by now', () => {
    const state = asked({ reinits: ['orders-1'] });
    expect(goalKind(state, 'orders-1')).toBe('lead');
    expect(step(state, 1).record.operations.reinits).toEqual([]);
  });
});

describe('a fenced instance', () => {
  const fencing = (authority: string) =>
    ({ kind: 'fencing', cause: 'failover', from: 'orders-1', authority, prefer: '' }) as const;

  it('is stopped in every phase, but when it alone holds every commit', () => {
    const fenced = ['orders-2'];
    expect(goalKind(asked({ fenced }), 'orders-2')).toBe('stop');
    expect(goalKind(asked({ fenced }, { phase: fencing('orders-1') }), 'orders-2')).toBe('stop');
    expect(goalKind(asked({ fenced }, { phase: fencing('orders-2') }), 'orders-2')).toBe('fence');
    expect(goalKind(asked({ fenced: ['orders-1'] }), 'orders-1')).toBe('lead');
  });

  it('loses its vote where the others are enough', () => {
    const state = asked({ fenced: ['orders-2'] });
    expect(goalFor(state, 'orders-1', 0)).toMatchObject({ sync: { voters: ['orders-3'], k: 1 } });
  });

  it('counts for no promise', () => {
    const dead = report(asked({ fenced: ['orders-2'] }), 10, 'orders-1', { postgres: stopped('crashed', false) });
    expect(decide(dead, 10).change).toMatchObject({ kind: 'restart', record: { epoch: 1 } });
  });

  it('hands over first when it leads', () => {
    expect(step(asked({ fenced: ['orders-1'] }), 1).record.phase).toMatchObject({ kind: 'stopping' });
    const alone = asked({ fenced: ['orders-1', 'orders-2', 'orders-3'] });
    expect(decide(alone, 1)).toMatchObject({ change: null });
  });
});

describe('a paused cluster', () => {
  it('starts a dead primary in its place and gives no silent one up', () => {
    const dead = report(asked({ paused: true }), 10, 'orders-1', { postgres: stopped('crashed', false) });
    expect(decide(dead, 10).change).toMatchObject({ kind: 'restart', record: { epoch: 1, phase: { gate: 'closed' } } });
    let state = report(asked({ paused: true }), 10, 'orders-1', { postgres: { kind: 'unresponsive' } });
    for (const name of ['orders-2', 'orders-3']) {
      state = report(state, 20, name, { postgres: { ...streaming, streaming: false } });
    }
    state = observe(state, 50_000, { kind: 'knocked', instance: 'orders-1' });
    const decision = decide(state, 60_000);
    expect(decision.change).toBeNull();
    expect(decision.reason).toContain('howdah resume orders');
  });
});
