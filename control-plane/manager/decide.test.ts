import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, connection, observe } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import type { Phase } from '../model/cluster-record.ts';
import { goalId } from '../model/goal.ts';
import type { InstanceReport, PostgresState } from '../model/instance.ts';
import { decide } from './decide.ts';
import { checkSwitchover } from './decide-switchover.ts';
import { goalFor } from './goals.ts';
import type { ClusterState } from './state.ts';
import { KNOCKING_MS } from './suspicion.ts';

const standby = (streaming: boolean, lsn = 2000n): PostgresState => ({
  kind: 'standby',
  receiveLsn: lsn,
  replayLsn: lsn,
  streaming,
});
const stopped = (how: 'boot' | 'crashed'): PostgresState => ({
  kind: 'stopped',
  how,
  clean: false,
  checkpointLsn: 900n,
});

function report(state: ClusterState, now: number, instance: string, change: Partial<InstanceReport>): ClusterState {
  return observe(state, now, { kind: 'report', report: buildReport(instance, { seq: 1 + now, ...change }) });
}

/** Both standbys promised epoch 2 and told where they are. */
function promised(positions: Readonly<Record<string, bigint>>, from = buildCluster()): ClusterState {
  const phase: Phase = { kind: 'fencing', cause: 'failover', from: 'orders-1', authority: 'orders-1', prefer: '' };
  const fencing = observe(from, 5, { kind: 'record', record: { ...from.record, epoch: 2, phase } });
  const goal = { id: goalId({ kind: 'fence', epoch: 2 }), status: 'done' as const, detail: '' };
  return Object.entries(positions).reduce(
    (state, [name, lsn]) => report(state, 10, name, { promisedEpoch: 2, goal, postgres: standby(false, lsn) }),
    fencing,
  );
}

describe('a primary that is', () => {
  it('well is left alone', () => {
    expect(decide(buildCluster(), 100).change).toBeNull();
  });

  it('dead by the word of its agent begins a new epoch at once', () => {
    const { change } = decide(report(buildCluster(), 10, 'orders-1', { postgres: stopped('crashed') }), 10);
    expect(change).toMatchObject({
      kind: 'failover',
      record: { epoch: 2, phase: { kind: 'fencing', from: 'orders-1' } },
    });
  });

  it('dead is started again under a closed gate when too few could promise', () => {
    const state = buildCluster({ standbys: { 'orders-2': { lsn: 2000n } }, voters: ['orders-2', 'orders-3'] });
    const decision = decide(report(state, 10, 'orders-1', { postgres: stopped('crashed') }), 10);
    expect(decision).toMatchObject({
      change: { kind: 'restart', record: { epoch: 1, phase: { kind: 'active', gate: 'closed' } } },
      retry: ['orders-1'],
    });
  });

  it('cut off is never given up while k voters stream from it, however long it is silent', () => {
    const gone = observe(buildCluster(), 10, { kind: 'disconnected', instance: 'orders-1' });
    const silent = report(gone, 3_600_000, 'orders-2', { postgres: standby(true) });
    expect(decide(silent, 3_600_000).change).toBeNull();
  });

  it('killed with its agent is given up at once when no voter hears from it and nobody answers at its door', () => {
    let state = observe(buildCluster(), 10, { kind: 'disconnected', instance: 'orders-1' });
    expect(decide(state, 10)).toMatchObject({ change: null, ask: ['orders-2', 'orders-3'], knock: ['orders-1'] });
    state = report(state, 11, 'orders-2', { postgres: standby(false) });
    state = observe(state, 11, { kind: 'heard', instance: 'orders-1', sound: 'refusal' });
    expect(decide(state, 11).change).toBeNull();
    state = report(state, 12, 'orders-3', { postgres: standby(false) });
    expect(decide(state, 12).change?.kind).toBe('failover');
  });

  it('cut off is given up when no voter hears from it and it has answered no knock for a while', () => {
    let state = observe(buildCluster(), 1000, { kind: 'disconnected', instance: 'orders-1' });
    state = observe(state, 1000, { kind: 'knocked', instance: 'orders-1' });
    for (const name of ['orders-2', 'orders-3']) state = report(state, 1010, name, { postgres: standby(false) });
    expect(decide(state, 1000 + KNOCKING_MS - 1)).toMatchObject({ change: null, knock: ['orders-1'] });
    expect(decide(state, 1000 + KNOCKING_MS).change?.kind).toBe('failover');
    const answered = observe(state, 1100, { kind: 'heard', instance: 'orders-1', sound: { stamp: 'one' } });
    expect(decide(answered, 1000 + KNOCKING_MS).change).toBeNull();
  });

  it('frozen is given up when fewer than k voters stream, not before', () => {
    let state = report(buildCluster(), 10, 'orders-1', { postgres: { kind: 'unresponsive' } });
    expect(decide(state, 10).change).toBeNull();
    for (const name of ['orders-2', 'orders-3']) state = report(state, 20, name, { postgres: standby(false) });
    expect(decide(state, 20).change?.kind).toBe('failover');
  });

  it('stays where automatic failover is off', () => {
    const spec = buildSpec({
      failover: { automatic: false, suspectAfterMs: 1000, restAfterSilenceMs: 60_000, leaseMs: 5000 },
    });
    const state = buildCluster({ record: { spec } });
    expect(decide(report(state, 10, 'orders-1', { postgres: stopped('crashed') }), 10).change?.kind).toBe('restart');
  });
});

describe('an election', () => {
  it('waits for a promise quorum', () => {
    const decision = decide(promised({ 'orders-2': 2000n }), 10);
    expect(decision.change).toBeNull();
    expect(decision.reason).toContain('2 of orders-2, orders-3');
  });

  it('promotes the highest position, with voters that promised', () => {
    expect(decide(promised({ 'orders-2': 2000n, 'orders-3': 2001n }), 10).change).toMatchObject({
      kind: 'promote',
      record: { phase: { kind: 'promoting', candidate: 'orders-3', sync: { voters: ['orders-2'], k: 1 } } },
      // The stored voters stay until the new ones hold all that the old ones held.
    });
    expect(decide(promised({ 'orders-2': 2000n, 'orders-3': 2001n }), 10).change?.record.sync).toEqual({
      voters: ['orders-2', 'orders-3'],
      k: 1,
    });
  });

  it('does not count a promise that was given before the fence was done', () => {
    const state = promised({ 'orders-2': 2000n });
    const goal = { id: goalId({ kind: 'fence', epoch: 2 }), status: 'working' as const, detail: '' };
    const early = report(state, 11, 'orders-3', { promisedEpoch: 2, goal, postgres: standby(true, 9999n) });
    expect(decide(early, 11).change).toBeNull();
  });
});

describe('the gate', () => {
  const closed = (endOfRecoveryLsn: bigint): ClusterState => {
    const sync = { voters: ['orders-2', 'orders-3'], k: 1 };
    const state = buildCluster({ record: { phase: { kind: 'active', primary: 'orders-1', gate: 'closed', sync } } });
    const id = goalId(goalFor(state, 'orders-1', 0)!);
    const goal = { id, status: 'done' as const, detail: '' };
    const before = state.instances['orders-1']!.report!.postgres;
    const told = observe(state, 5, { kind: 'sent', instance: 'orders-1', goalId: id });
    return report(told, 10, 'orders-1', { goal, postgres: { ...before, endOfRecoveryLsn } as PostgresState });
  };

  it('opens when k voters have flushed the end of recovery', () => {
    expect(decide(closed(2000n), 10).change).toMatchObject({ kind: 'open', record: { phase: { gate: 'open' } } });
  });

  it('stays shut while they have not', () => {
    expect(decide(closed(2001n), 10).change).toBeNull();
  });
});

describe('goals', () => {
  it('are the same for the same state', () => {
    const state = buildCluster();
    for (const name of ['orders-1', 'orders-2']) expect(goalFor(state, name, 7)).toEqual(goalFor(state, name, 7));
  });

  it('tell PostgreSQL of a new voter only after the store has it', () => {
    const state = observe(buildCluster({ voters: ['orders-2'] }), 0, ...connection('orders-3'));
    expect(decide(state, 0).change?.record.sync.voters).toEqual(['orders-2', 'orders-3']);
    expect(goalFor(state, 'orders-1', 0)).toMatchObject({ kind: 'lead', sync: { voters: ['orders-2'], k: 1 } });
  });
});

describe('a switchover', () => {
  it('is refused with every reason at once', () => {
    const state = buildCluster({ standbys: { 'orders-2': { lsn: 2000n } }, voters: ['orders-2', 'orders-3'] });
    expect(checkSwitchover(state, { to: 'orders-3', waitMs: 0 }).forbidden).toEqual([
      'orders-3 is not fit: its agent is not connected',
      '2 voters must be able to promise, and only 1 can be reached',
    ]);
  });

  it('chooses the standby that is furthest', () => {
    const state = buildCluster({ standbys: { 'orders-2': { lsn: 1000n }, 'orders-3': { lsn: 1001n } } });
    expect(checkSwitchover(state, { to: '', waitMs: 0 })).toMatchObject({ target: 'orders-3', forbidden: [] });
  });
});
