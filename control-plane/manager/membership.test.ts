import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, connection, observe } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import type { ClusterRecord } from '../model/cluster-record.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import { goalId } from '../model/goal.ts';
import { decide } from './decide.ts';
import { LEAVE_WAIT_MS } from './decide-members.ts';
import { goalFor } from './goals.ts';
import { changeProblems, retireGoal, withSpec } from './membership.ts';
import type { ClusterState } from './state.ts';
import { wantedSync } from './sync-plan.ts';

/** orders-1 leads; the other standbys stream and vote. */
function cluster(instances: number, change: { streaming?: readonly string[]; record?: Partial<ClusterRecord> } = {}) {
  const spec = buildSpec({ instances });
  const standbys = (change.streaming ?? instanceNames(spec).slice(1)).map((name) => [name, { lsn: 2000n }] as const);
  return buildCluster({ standbys: Object.fromEntries(standbys), record: { spec, ...change.record } });
}

const scaled = (state: ClusterState, instances: number, now = 0) =>
  observe(state, now, { kind: 'spec', spec: { ...state.record.spec, instances } });

describe('the members of a cluster', () => {
  it('are those of the spec and those that leave; who is named again stays', () => {
    const { record } = cluster(5);
    const fewer = withSpec(record, buildSpec({ instances: 2 }));
    expect(fewer.leaving).toEqual(['orders-3', 'orders-4', 'orders-5']);
    expect(withSpec(fewer, buildSpec({ instances: 4 })).leaving).toEqual(['orders-5']);
    expect(withSpec(fewer, buildSpec({ instances: 1 })).leaving).toEqual([
      'orders-2',
      'orders-3',
      'orders-4',
      'orders-5',
    ]);
  });

  it('may not become fewer than commits need', () => {
    expect(changeProblems(cluster(5), buildSpec({ instances: 2 }))).toEqual([]);
    const alone = cluster(3, { streaming: ['orders-3'] });
    expect(changeProblems(alone, buildSpec({ instances: 2 }))).toEqual([
      { path: 'spec.instances', message: expect.stringContaining('orders-2 does not stream') },
    ]);
    const leader = cluster(3, { record: { phase: { kind: 'active', primary: 'orders-3', gate: 'open' } } });
    expect(changeProblems(leader, buildSpec({ instances: 2 }))).toEqual([
      { path: 'spec.instances', message: expect.stringContaining('orders-3 leads and would leave') },
    ]);
    const closed = { kind: 'fencing', cause: 'failover', from: 'orders-1', authority: 'orders-1', prefer: '' } as const;
    expect(changeProblems(cluster(3, { record: { phase: closed } }), buildSpec({ instances: 2 }))).toHaveLength(1);
    // One problem, said once.
    const passwords = buildSpec({ instances: 5, postgres: { ...buildSpec().postgres, auth: 'scram' } });
    const problems = changeProblems(cluster(5), passwords);
    expect(problems.map(({ path }) => path)).toEqual(['spec.postgres.auth']);
    // More of them are always welcome.
    expect(changeProblems(cluster(3, { record: { phase: closed } }), buildSpec({ instances: 5 }))).toEqual([]);
  });
});

describe('one that leaves', () => {
  it('gives up its vote, then is told to go, then is no member any more', () => {
    let state = scaled(cluster(3), 2);
    expect(wantedSync(state, 'orders-1', 0)).toEqual({ voters: ['orders-2'], k: 1 });
    // It votes still: it has to stay.
    expect(goalFor(state, 'orders-3', 0)).toMatchObject({ kind: 'follow' });
    state = { ...state, record: { ...state.record, sync: { voters: ['orders-2'], k: 1 } } };
    expect(goalFor(state, 'orders-3', 0)).toMatchObject({ kind: 'follow' });
    state = observe(state, 1, primaryReport(state, 2, ['orders-2']));
    const goal = retireGoal(state, 'orders-3')!;
    expect(goalFor(state, 'orders-3', 1)).toEqual(goal);
    expect(decide(state, 1).change).toBeNull();
    const done = { id: goalId(goal), status: 'done', detail: '' } as const;
    const report = buildReport('orders-3', { seq: 2, goal: done, postgres: { kind: 'absent' } });
    state = observe(state, 2, { kind: 'report', report });
    const { change } = decide(state, 2);
    expect(change).toMatchObject({ kind: 'left', record: { leaving: [] } });
    expect(Object.keys(change!.record.placements)).not.toContain('orders-3');
  });

  it('keeps its vote while those that stay are too few', () => {
    const state = scaled(cluster(4, { streaming: ['orders-4'], record: {} }), 3);
    expect(wantedSync(state, 'orders-1', 0)).toEqual({ voters: ['orders-4'], k: 1 });
    const both = observe(
      state,
      1,
      ...connection('orders-2'),
      primaryReport(state, 2, ['orders-4'], ['orders-2', 'orders-4']),
    );
    expect(wantedSync(both, 'orders-1', 1)).toEqual({ voters: ['orders-2'], k: 1 });
  });

  it('is waited for a while when its agent is not there, and only once it has no vote', () => {
    const votes = scaled(cluster(3), 2);
    const away = observe(votes, 10, { kind: 'disconnected', instance: 'orders-3' });
    const later = 10 + LEAVE_WAIT_MS;
    expect(decide(away, later).change?.kind).not.toBe('left');
    const free = { ...away, record: { ...away.record, sync: { voters: ['orders-2'], k: 1 } } };
    const told = (now: number) => observe(free, now, primaryReport(free, 3, ['orders-2'], ['orders-2']));
    expect(decide(told(later - 1), later - 1)).toMatchObject({ change: null, wakeAt: later });
    expect(decide(told(later), later).change).toMatchObject({ kind: 'left' });
  });

  it('hands over first if it leads, when all others have left, to one that stays', () => {
    const phase = { kind: 'active', primary: 'orders-1', gate: 'open' } as const;
    const spec = { ...buildSpec({ instances: 3 }), name: 'orders' };
    const leading = { ...cluster(3, { record: { spec, phase } }), phaseSince: -2000 };
    // Named so that the one that leads goes.
    const record = { ...leading.record, leaving: ['orders-1'], spec: { ...spec, instances: 3 } };
    const decision = decide({ ...leading, record }, 100);
    expect(decision.change?.record.phase).toMatchObject({ kind: 'stopping', primary: 'orders-1' });
    const others = decide({ ...leading, record: { ...record, leaving: ['orders-1', 'orders-3'] } }, 100);
    expect(others.change?.record.phase.kind).not.toBe('stopping');
  });
});

describe('a k that was raised', () => {
  it('holds as soon as enough standbys stream', () => {
    const spec = buildSpec({ instances: 3, durability: { mode: 'strict', quorum: 2 } });
    const two = cluster(3, { streaming: ['orders-2'], record: { spec } });
    expect(wantedSync(two, 'orders-1', 0).k).toBe(1);
    expect(wantedSync(cluster(3, { record: { spec } }), 'orders-1', 0).k).toBe(2);
  });
});

/** What the primary tells: whom its commits wait for, and who streams. */
function primaryReport(
  state: ClusterState,
  seq: number,
  voters: readonly string[],
  streaming: readonly string[] = Object.keys(state.instances).filter((name) => name !== 'orders-1'),
) {
  const postgres = state.instances['orders-1']!.report!.postgres;
  if (postgres.kind !== 'primary') throw new Error('no primary');
  const row = { state: 'streaming', flushLsn: 2000n, replayLsn: 2000n } as const;
  const standbys = streaming.map((name) => {
    return { name, ...row, syncState: voters.includes(name) ? ('quorum' as const) : ('async' as const) };
  });
  const report = buildReport('orders-1', { seq, postgres: { ...postgres, sync: { voters, k: 1 }, standbys } });
  return { kind: 'report', report } as const;
}
