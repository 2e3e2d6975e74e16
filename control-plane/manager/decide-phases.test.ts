// Decisions phase by phase, beside the examples of decide.test.ts: what each one waits for, and what it never does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, connection, observe } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import type { Phase } from '../model/cluster-record.ts';
import { type Goal, goalId } from '../model/goal.ts';
import type { InstanceReport, PostgresState, PrimaryState, StandbyConnection } from '../model/instance.ts';
import { NO_OPERATIONS } from '../model/operations.ts';
import { NO_SYNC, type SyncConfig } from '../model/sync.ts';
import { decide } from './decide.ts';
import { checkSwitchover } from './decide-switchover.ts';
import { goalFor } from './goals.ts';
import { type ClusterState, observed } from './state.ts';

const standby = (lsn: bigint): PostgresState => ({
  kind: 'standby',
  receiveLsn: lsn,
  replayLsn: lsn,
  streaming: false,
});
const stopped = (clean: boolean): PostgresState => ({ kind: 'stopped', how: 'boot', clean, checkpointLsn: 1900n });
const fenced = (epoch: number) => ({ id: goalId({ kind: 'fence', epoch }), status: 'done', detail: '' }) as const;

function report(state: ClusterState, now: number, instance: string, change: Partial<InstanceReport>): ClusterState {
  return observe(state, now, { kind: 'report', report: buildReport(instance, { seq: 2 + now, ...change }) });
}

function inPhase(phase: Phase, from: ClusterState = buildCluster(), now = 0, epoch = 2): ClusterState {
  return observe(from, now, { kind: 'record', record: { ...from.record, epoch, phase } });
}

function primaryOf(state: ClusterState): PrimaryState {
  const postgres = observed(state, 'orders-1').report?.postgres;
  if (postgres?.kind !== 'primary') throw new Error('no primary');
  return postgres;
}

const fencing = (change: Partial<Extract<Phase, { kind: 'fencing' }>> = {}): Phase => ({
  ...{ kind: 'fencing', cause: 'failover', from: 'orders-1', authority: 'orders-1', prefer: '' },
  ...change,
});

describe('a fence', () => {
  const FIVE = ['orders-2', 'orders-3', 'orders-4', 'orders-5'];

  it('needs |V| - k + 1 promises of voters, and then promotes one that no other is ahead of', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.subarray(FIVE),
        fc.array(fc.bigInt({ min: 1n, max: 3n }), { minLength: 4, maxLength: 4 }),
        (k, promised, lsns) => {
          const spec = buildSpec({ instances: 5, durability: { mode: 'strict', quorum: k } });
          const standbys = Object.fromEntries(FIVE.map((name) => [name, { lsn: 2000n }]));
          let state = inPhase(fencing(), buildCluster({ standbys, record: { spec, sync: { voters: FIVE, k } } }));
          const positions = new Map(promised.map((name, index) => [name, lsns[index]!]));
          for (const [name, lsn] of positions)
            state = report(state, 1, name, { promisedEpoch: 2, goal: fenced(2), postgres: standby(lsn) });
          const { change } = decide(state, 1);
          expect(change !== null).toBe(promised.length >= 4 - k + 1);
          if (change?.record.phase.kind !== 'promoting') return;
          const { candidate, lsn, sync } = change.record.phase;
          expect(promised).toContain(candidate);
          for (const other of positions.values()) expect(other <= lsn).toBe(true);
          expect(sync.voters).not.toContain(candidate);
          expect(sync.voters.length).toBeGreaterThanOrEqual(sync.k);
          expect(sync.k).toBe(k);
        },
      ),
    );
  });

  it('counts no promise of one that votes no more, and none below the epoch', () => {
    const state = inPhase(fencing(), buildCluster({ voters: ['orders-2'] }));
    const other = report(state, 1, 'orders-3', { promisedEpoch: 2, goal: fenced(2), postgres: standby(9999n) });
    expect(decide(other, 1).change).toBeNull();
    const low = report(state, 1, 'orders-2', { promisedEpoch: 1, goal: fenced(2), postgres: standby(9999n) });
    expect(decide(low, 1).change).toBeNull();
  });

  it('does not count one that diverged for a candidate that lacks some of what it shares with the cluster', () => {
    // The cluster left timeline 1 at 1000; two of three voters hold each acknowledged commit.
    const spec = buildSpec({ instances: 5, durability: { mode: 'strict', quorum: 2 } });
    const standbys = Object.fromEntries(FIVE.map((name) => [name, { lsn: 2000n }]));
    const sync = { voters: ['orders-2', 'orders-3', 'orders-4'], k: 2 };
    const timelineHistory = [{ timeline: 1, endLsn: 1000n }];
    const record = { spec, sync, timeline: 2, timelineHistory };
    const promise = (state: ClusterState, name: string, lsn: bigint, more: Partial<InstanceReport> = {}) =>
      report(state, 1, name, { promisedEpoch: 2, goal: fenced(2), postgres: standby(lsn), ...more });
    const behind = promise(inPhase(fencing(), buildCluster({ standbys, record })), 'orders-2', 992n);
    const two = promise(behind, 'orders-3', 1008n);
    expect(decide(two, 1).change).toBeNull();
    // What all of it hangs on: had the first one got to the fork, nothing could be missing.
    expect(decide(promise(two, 'orders-2', 1000n, { seq: 9 }), 1).change?.record.phase).toMatchObject({
      candidate: 'orders-2',
    });
    const history = { timeline: 2, history: timelineHistory };
    expect(decide(promise(two, 'orders-4', 1001n, history), 1).change?.record.phase).toMatchObject({
      candidate: 'orders-4',
    });
  });

  it('lets the one lead again whose data alone is known to be complete, when no quorum can be heard', () => {
    const alone = buildCluster({ standbys: {}, voters: ['orders-2', 'orders-3'] });
    const state = report(inPhase(fencing(), alone), 1, 'orders-1', {
      ...{ promisedEpoch: 2, goal: fenced(2) },
      postgres: stopped(false),
    });
    // The control plane has just begun: the others had no time to connect.
    expect(decide(state, 1)).toMatchObject({ change: null, wakeAt: 1500 });
    expect(decide(state, 1500).change).toMatchObject({
      kind: 'promote',
      record: { phase: { kind: 'promoting', candidate: 'orders-1' } },
    });
    // Not another one: a promotion that may have happened unrecorded has the authority then.
    const lost = inPhase(fencing({ authority: 'orders-2' }), alone);
    const old = report(lost, 1, 'orders-1', { promisedEpoch: 2, goal: fenced(2), postgres: stopped(false) });
    expect(decide(old, 1500).change).toBeNull();
  });

  it('never promotes anybody while no voters are recorded, but the authority', () => {
    const state = report(inPhase(fencing(), buildCluster({ voters: [] })), 1, 'orders-2', {
      ...{ promisedEpoch: 2, goal: fenced(2) },
      postgres: standby(5000n),
    });
    expect(decide(state, 1).change).toBeNull();
  });

  it('of an asynchronous cluster waits for the old primary’s word or the end of its lease', () => {
    const spec = buildSpec({ durability: { mode: 'async', quorum: 0 } });
    let state = inPhase(fencing(), buildCluster({ voters: [], record: { spec } }));
    for (const name of ['orders-2', 'orders-3'])
      state = report(state, 1, name, { promisedEpoch: 2, goal: fenced(2), postgres: standby(2000n) });
    // They promised at 1: from then on nobody renewed it.
    expect(decide(state, 5000)).toMatchObject({ change: null, wakeAt: 5001 });
    expect(decide(state, 5001).change).toMatchObject({ kind: 'promote', record: { phase: { sync: NO_SYNC } } });
    const told = report(state, 2, 'orders-1', { promisedEpoch: 2, goal: fenced(2), postgres: stopped(false) });
    expect(decide(told, 2).change?.kind).toBe('promote');
  });

  it('of an asynchronous cluster waits too for a candidate that was lost and may be primary by now', () => {
    const spec = buildSpec({ durability: { mode: 'async', quorum: 0 } });
    const phase = fencing({ from: 'orders-1', authority: 'orders-2' });
    let state = inPhase(phase, buildCluster({ voters: [], record: { spec } }));
    state = report(state, 1, 'orders-1', { promisedEpoch: 2, goal: fenced(2), postgres: stopped(false) });
    state = report(state, 1, 'orders-3', { promisedEpoch: 2, goal: fenced(2), postgres: standby(2000n) });
    expect(decide(state, 5000)).toMatchObject({ change: null, reason: 'waiting until the lease of orders-2 ends' });
    expect(decide(state, 5001).change?.kind).toBe('promote');
  });
});

describe('a promotion', () => {
  const promoting: Phase = {
    ...{ kind: 'promoting', cause: 'failover', from: 'orders-1', candidate: 'orders-2', lsn: 2000n },
    sync: { voters: ['orders-3'], k: 1 },
  };
  const lead: Goal = {
    ...{ kind: 'lead', epoch: 2, create: false, start: true, members: ['orders-1', 'orders-3'] },
    sync: { voters: ['orders-3'], k: 1 },
  };
  const goal = { id: goalId(lead), status: 'done', detail: '' } as const;

  it('is over when the candidate says that it leads this epoch; the gate is shut then', () => {
    const postgres: PostgresState = { ...primaryOf(buildCluster()), endOfRecoveryLsn: 2100n };
    const history = [{ timeline: 1, endLsn: 2050n }];
    const told = report(inPhase(promoting), 1, 'orders-2', { goal, timeline: 2, history, postgres });
    expect(decide(told, 1).change?.record).toMatchObject({
      ...{ timeline: 2, timelineHistory: history },
      phase: { kind: 'active', primary: 'orders-2', gate: 'closed', sync: { voters: ['orders-3'], k: 1 } },
      // The voters of before stay, until the new ones hold all that they held.
      sync: { voters: ['orders-2', 'orders-3'], k: 1 },
    });
    const old = { ...goal, id: goal.id.replace('e2/', 'e1/') };
    expect(decide(report(inPhase(promoting), 1, 'orders-2', { goal: old, postgres }), 1).change).toBeNull();
  });

  it('that fails or loses its candidate begins another epoch, in which the candidate may have led', () => {
    const failed = { ...goal, status: 'failed', detail: 'it would not' } as const;
    const next = { epoch: 3, phase: { kind: 'fencing', from: 'orders-1', authority: 'orders-2' } };
    const told = report(inPhase(promoting), 1, 'orders-2', { goal: failed });
    expect(decide(told, 1).change?.record).toMatchObject(next);
    const gone = observe(inPhase(promoting), 10, { kind: 'disconnected', instance: 'orders-2' });
    expect(decide(gone, 509)).toMatchObject({ change: null, wakeAt: 510 });
    expect(decide(gone, 510).change?.record).toMatchObject(next);
  });
});

describe('a primary whose PostgreSQL stopped', () => {
  it('is started in its place only under a closed gate, with the stored voters', () => {
    const state = report(buildCluster({ standbys: {}, voters: ['orders-2'] }), 1, 'orders-1', {
      postgres: stopped(true),
    });
    const { change, retry } = decide(state, 1);
    expect(change?.record.phase).toEqual({
      ...{ kind: 'active', primary: 'orders-1', gate: 'closed' },
      sync: { voters: ['orders-2'], k: 1 },
    });
    expect(retry).toEqual(['orders-1']);
    // Before that is stored nothing tells it to start.
    expect(goalFor(state, 'orders-1', 1)).toMatchObject({ start: false });
  });

  it('is in its place too when it was found neither running nor stopped', () => {
    const state = report(buildCluster(), 1, 'orders-1', { postgres: { kind: 'starting' } });
    expect(decide(state, 1).change).toMatchObject({ kind: 'restart', record: { phase: { gate: 'closed' } } });
  });

  it('of a cold start goes on in its epoch', () => {
    const cold = ['orders-1', 'orders-2', 'orders-3'].flatMap((name) => connection(name, { postgres: stopped(true) }));
    const { record } = buildCluster();
    const state = observe({ ...buildCluster(), instances: {}, record }, 0, ...cold);
    expect(decide(state, 1).change).toMatchObject({ kind: 'restart', record: { epoch: 1 } });
  });
});

describe('the gate', () => {
  const closed = (sync = { voters: ['orders-2', 'orders-3'], k: 1 }, from = buildCluster()): ClusterState =>
    inPhase({ kind: 'active', primary: 'orders-1', gate: 'closed', sync }, from, 0, 1);
  const told = (state: ClusterState, change: Partial<PrimaryState>): ClusterState => {
    const id = goalId(goalFor(state, 'orders-1', 0)!);
    const sent = observe(state, 1, { kind: 'sent', instance: 'orders-1', goalId: id });
    const goal = { id, status: 'done', detail: '' } as const;
    return report(sent, 2, 'orders-1', { goal, postgres: { ...primaryOf(state), ...change } });
  };

  it('opens exactly when k of the voters in force flushed the end of recovery', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 }),
        fc.array(fc.bigInt({ min: 999n, max: 1001n }), { minLength: 2, maxLength: 2 }),
        (k, flushed) => {
          const sync = { voters: ['orders-2', 'orders-3'], k };
          const standbys = primaryOf(buildCluster()).standbys.map((s, index) => ({ ...s, flushLsn: flushed[index]! }));
          const state = told(closed(sync), { sync, standbys, endOfRecoveryLsn: 1000n, flushLsn: 1000n });
          const opens = flushed.filter((lsn) => lsn >= 1000n).length >= k;
          expect(decide(state, 2).change?.kind === 'open').toBe(opens);
        },
      ),
    );
  });

  it('stays shut while PostgreSQL waits for others than it was told', () => {
    expect(decide(told(closed(), { sync: { voters: ['orders-2'], k: 1 } }), 2).change).toBeNull();
    expect(decide(told(closed(), { sync: null }), 2).change).toBeNull();
  });

  it('waits for other voters when too few of its own are there, but for none that a promise quorum could miss', () => {
    const from = buildCluster({ standbys: { 'orders-3': { lsn: 2000n } }, voters: ['orders-1', 'orders-2'] });
    // The primary itself is a stored voter: what it acknowledges with orders-3 alone is found with its own promise.
    const inForce = (sync: SyncConfig) => ({ sync, standbys: shown(primaryOf(from).standbys, sync) });
    const state = told(closed({ voters: ['orders-2'], k: 1 }, from), inForce({ voters: ['orders-2'], k: 1 }));
    expect(decide(closed({ voters: ['orders-2'], k: 1 }, from), 2).change).toBeNull();
    expect(decide(state, 2).change).toMatchObject({
      kind: 'voters',
      record: { phase: { sync: { voters: ['orders-2', 'orders-3'], k: 1 } } },
    });
    const outside = buildCluster({ standbys: { 'orders-3': { lsn: 2000n } }, voters: ['orders-2'] });
    const { standbys } = primaryOf(outside);
    const sync = { voters: ['orders-2'], k: 1 };
    expect(decide(told(closed(sync, outside), { sync, standbys: shown(standbys, sync) }), 2).change).toBeNull();
  });

  it('exchanges a voter from outside by way of neither: two walsenders can go by two settings', () => {
    const voters = ['orders-1', 'orders-2'];
    const spec = buildSpec({ instances: 4, durability: { mode: 'strict', quorum: 2 } });
    const from = buildCluster({
      standbys: { 'orders-2': { lsn: 1500n }, 'orders-4': { lsn: 2000n } },
      record: { spec, sync: { voters, k: 2 } },
    });
    const before = { voters: ['orders-2', 'orders-3'], k: 2 };
    const between = { voters: ['orders-2'], k: 2 };
    const { standbys } = primaryOf(from);
    const first = told(closed(before, from), { sync: before, standbys: shown(standbys, before) });
    expect(decide(first, 2).change).toMatchObject({ record: { phase: { sync: between } } });
    const second = told(closed(between, from), { sync: between, standbys: shown(standbys, between) });
    expect(decide(second, 2).change).toMatchObject({
      record: { phase: { sync: { voters: ['orders-2', 'orders-4'], k: 2 } } },
    });
    // Of those that came back only one may be from outside.
    const back = buildCluster({
      standbys: { 'orders-2': { lsn: 1500n }, 'orders-3': { lsn: 1500n }, 'orders-4': { lsn: 2000n } },
      record: { spec, sync: { voters, k: 2 } },
    });
    const third = told(closed(between, back), { sync: between, standbys: shown(primaryOf(back).standbys, between) });
    expect(decide(third, 2).change).toMatchObject({ record: { phase: { sync: before } } });
    // One that is to be copied anew keeps its vote until others can have it: else the gate would stay shut for ever.
    const operations = { ...NO_OPERATIONS, reinits: ['orders-2'] };
    const leaving = { ...third, record: { ...third.record, operations } };
    expect(decide(leaving, 2).change).toMatchObject({ record: { phase: { sync: before } } });
    // Not before the walsender of the one that left knows that it did.
    const late = told(closed(between, from), { sync: between, standbys: shown(standbys, { ...between, voters: [] }) });
    expect(decide(late, 2).change).toBeNull();
  });
});

/** How the walsenders show a setting that all of them go by. */
function shown(standbys: readonly StandbyConnection[], sync: SyncConfig): StandbyConnection[] {
  return standbys.map((s) => ({ ...s, syncState: sync.voters.includes(s.name) ? 'quorum' : 'async' }));
}

describe('a switchover', () => {
  const draining: Phase = { kind: 'draining', primary: 'orders-1', target: 'orders-2', waitMs: 100 };
  const stopping: Phase = { kind: 'stopping', primary: 'orders-1', target: 'orders-2' };
  const stop = { id: goalId({ kind: 'stop', epoch: 2 }), status: 'done', detail: '' } as const;

  it('lists everything that forbids it at once', () => {
    const state = observe(buildCluster({ standbys: {}, voters: ['orders-2', 'orders-3'] }), 1, {
      kind: 'disconnected',
      instance: 'orders-1',
    });
    expect(checkSwitchover(state, { to: 'orders-9', waitMs: 0 }).forbidden).toEqual([
      'there is no instance orders-9: the instances are orders-1, orders-2, orders-3',
      '2 voters must be able to promise, and only 0 can be reached',
      "the agent of orders-1 can't be reached: this would be a failover",
    ]);
    expect(checkSwitchover(buildCluster(), { to: 'orders-1', waitMs: 0 }).forbidden).toEqual([
      'orders-1 is the primary already',
    ]);
    expect(checkSwitchover(inPhase(stopping), { to: '', waitMs: 0 }).forbidden).toEqual([
      'the cluster is stopping, not open for writes: wait until it is',
    ]);
  });

  it('stops the old primary when no transaction runs by a report of this phase, or when the wait is over', () => {
    const state = inPhase(draining, buildCluster(), 10);
    const running = { ...primaryOf(state), activeTransactions: 2 };
    // What was idle before the routes were closed says nothing.
    expect(decide(state, 11).change).toBeNull();
    const busy = report(state, 12, 'orders-1', { postgres: running });
    expect(decide(busy, 12)).toMatchObject({ change: null, reason: '2 transactions are running' });
    expect(decide(busy, 110).change?.record.phase).toEqual(stopping);
    const idle = report(state, 12, 'orders-1', { postgres: primaryOf(state) });
    expect(decide(idle, 12).change?.record.phase).toEqual(stopping);
  });

  it('fences when the target has the shutdown checkpoint, and prefers the target', () => {
    const down = report(inPhase(stopping), 1, 'orders-1', { goal: stop, postgres: stopped(true) });
    const behind = report(down, 2, 'orders-2', { postgres: standby(1900n) });
    expect(decide(behind, 3)).toMatchObject({ change: null, ask: ['orders-2'] });
    const level = report(down, 2, 'orders-2', { postgres: standby(1901n) });
    expect(decide(level, 3).change?.record).toMatchObject({
      epoch: 3,
      phase: { kind: 'fencing', cause: 'switchover', from: 'orders-1', prefer: 'orders-2' },
    });
    // It can't wait for ever: then whoever has most leads.
    expect(decide(behind, 2000).change?.record.phase).toMatchObject({ kind: 'fencing', cause: 'switchover' });
  });

  it('asks the target for one report after the other, and anew when it gives none', () => {
    const down = report(inPhase(stopping), 1, 'orders-1', { goal: stop, postgres: stopped(true) });
    const behind = report(down, 2, 'orders-2', { postgres: standby(1900n) });
    const asked = observe(behind, 10, { kind: 'asked', instances: ['orders-2'] });
    expect(decide(asked, 15)).toMatchObject({ ask: [], wakeAt: 60 });
    expect(decide(asked, 60)).toMatchObject({ ask: ['orders-2'] });
    const answered = report(asked, 12, 'orders-2', { seq: 50, postgres: standby(1900n) });
    expect(decide(answered, 12)).toMatchObject({ ask: [], wakeAt: 15 });
    expect(decide(answered, 15)).toMatchObject({ ask: ['orders-2'] });
    const gone = observe(answered, 16, { kind: 'disconnected', instance: 'orders-2' });
    expect(decide(gone, 20)).toMatchObject({ ask: [], wakeAt: 2000 });
  });

  it('goes on as a failover when the old primary does not stop, or not cleanly, or is gone', () => {
    const failover = { epoch: 3, phase: { kind: 'fencing', cause: 'failover' } };
    const unclean = report(inPhase(stopping), 1, 'orders-1', { goal: stop, postgres: stopped(false) });
    expect(decide(unclean, 1).change?.record).toMatchObject(failover);
    const gone = observe(inPhase(stopping), 1, { kind: 'disconnected', instance: 'orders-1' });
    expect(decide(gone, 1).change?.record).toMatchObject(failover);
    expect(decide(inPhase(stopping), 19_999).change).toBeNull();
    expect(decide(inPhase(stopping), 20_000).change?.record).toMatchObject(failover);
  });
});

describe('what failed', () => {
  it('is told to try again, later', () => {
    const goal = { id: 'x', status: 'failed', detail: 'no source' } as const;
    const state = report(buildCluster(), 10, 'orders-2', { goal });
    expect(decide(state, 2009)).toMatchObject({ retry: [], wakeAt: 2010 });
    expect(decide(state, 2010).retry).toEqual(['orders-2']);
  });
});
