import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import type { ClusterRecord, HistoryEntry, PhaseDuration, PrimaryChange } from '../model/cluster-record.ts';
import { decide } from './decide.ts';

function entry(
  epoch: number,
  cause: PrimaryChange['cause'],
  phases: readonly PhaseDuration[],
  from = 'orders-1',
): HistoryEntry {
  return { at: 0, epoch, kind: 'open', reason: '', change: { cause, from, to: 'orders-1', phases } };
}
const failover = entry(4, 'failover', [
  { name: 'detected', tookMs: 900 },
  { name: 'fenced', tookMs: 30 },
  { name: 'promoted', tookMs: 170 },
]);
const recovered = (epoch: number, tookMs: number) => entry(epoch, 'restart', [{ name: 'recovered', tookMs }]);
const restarted = (epoch: number, tookMs: number) => entry(epoch, 'restart', [{ name: 'restarted', tookMs }]);
const byHand = (epoch: number, tookMs: number) =>
  entry(epoch, 'restart', [
    { name: 'stopped', tookMs: 400 },
    { name: 'restarted', tookMs },
  ]);

/** What is done about orders-1, which leads epoch 5 and ended. */
function decided(
  history: readonly HistoryEntry[],
  change: { clean?: boolean; how?: 'crashed' | 'requested'; record?: Partial<ClusterRecord> } = {},
): string {
  const state = buildCluster({ record: { epoch: 5, history, ...change.record } });
  const { clean = false, how = 'crashed' } = change;
  const ended = buildReport('orders-1', { seq: 9, postgres: { kind: 'stopped', how, clean, checkpointLsn: 1n } });
  const decision = decide(observe(state, 10, { kind: 'report', report: ended }), 10).change;
  return `${decision?.kind}: ${decision?.reason}`;
}

describe('a primary that ended, where a standby could take over,', () => {
  it('comes back in its place if that took less time before than a failover did', () => {
    expect(decided([failover, recovered(3, 150)])).toBe(
      'restart: PostgreSQL of orders-1 died; it was back in 150 ms last time, and a failover took 200 ms; it is started again in its place',
    );
    expect(decided([recovered(2, 90), failover, recovered(3, 210)])).toMatch(/^failover/);
  });

  it('gives way while either is not known', () => {
    expect(decided([])).toMatch(/^failover/);
    expect(decided([failover])).toMatch(/^failover/);
    expect(decided([recovered(3, 1)])).toMatch(/^failover/);
    expect(decided([failover, entry(3, 'restart', [{ name: 'recovered', tookMs: 1 }], 'orders-2')])).toMatch(
      /^failover/,
    );
  });

  it('is not taken for sooner there after a crash because it was after a clean stop', () => {
    expect(decided([failover, restarted(3, 80)])).toMatch(/^failover/);
    expect(decided([failover, restarted(3, 80)], { clean: true })).toMatch(/^restart/);
    expect(decided([failover, recovered(3, 80)], { clean: true })).toMatch(/^restart/);
  });

  it('gives way in a crash loop; a restart by hand is none', () => {
    expect(decided([failover, recovered(5, 80)])).toMatch(/^failover/);
    expect(decided([failover, recovered(3, 80), byHand(5, 80)])).toMatch(/^restart/);
    const sync = { voters: ['orders-2', 'orders-3'], k: 1 };
    const closed = { kind: 'active', primary: 'orders-1', gate: 'closed', sync } as const;
    expect(decided([failover, recovered(3, 80)], { record: { phase: closed } })).toMatch(/^failover/);
  });

  it('gives way if its agent stopped it: it was cut off', () => {
    expect(decided([failover, recovered(3, 80)], { how: 'requested' })).toMatch(/^failover/);
  });

  it('comes back if nobody else may lead, however long that takes', () => {
    const barred = { noFailover: true, priority: 0, applyDelayMs: 0, replicateFrom: '', reads: true };
    const spec = buildSpec({ tags: { 'orders-2': barred, 'orders-3': barred } });
    expect(decided([], { record: { spec } })).toMatch(/^restart: .*nobody else may lead/);
    expect(decided([], { record: { spec: buildSpec({ tags: { 'orders-2': barred } }) } })).toMatch(/^failover/);
  });
});
