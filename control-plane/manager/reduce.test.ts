import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, connection, observe } from '../../test/support/build-cluster.ts';
import { buildPlacement } from '../../test/support/build-record.ts';
import type { InstanceReport, PrimaryState } from '../model/instance.ts';
import { type ClusterState, observed } from './state.ts';

const GOAL = 'e1/lead/ANY 1 ("orders-2", "orders-3")/orders-2,orders-3';

function primaryOf(state: ClusterState): PrimaryState {
  const postgres = observed(state, 'orders-1').report?.postgres;
  if (postgres?.kind !== 'primary') throw new Error('no primary');
  return postgres;
}

function report(state: ClusterState, now: number, instance: string, change: Partial<InstanceReport>): ClusterState {
  return observe(state, now, { kind: 'report', report: buildReport(instance, { seq: 2 + now, ...change }) });
}

/** The primary holds GOAL and told so. */
function confirmed(): ClusterState {
  const told = observe(buildCluster(), 1, { kind: 'sent', instance: 'orders-1', goalId: GOAL });
  return report(told, 2, 'orders-1', {
    postgres: primaryOf(told),
    goal: { id: GOAL, status: 'done', detail: '' },
  });
}

describe('reduce', () => {
  it('takes a report of another boot, or one that is no newer, for no news', () => {
    const state = buildCluster();
    expect(report(state, 5, 'orders-2', { seq: 1, timeline: 9 })).toBe(state);
    expect(report(state, 5, 'orders-2', { bootId: 'other', timeline: 9 })).toBe(state);
    expect(observed(report(state, 5, 'orders-2', { timeline: 9 }), 'orders-2').report?.timeline).toBe(9);
  });

  it('forgets what an earlier boot reported, and keeps what the same one did', () => {
    const [again] = connection('orders-2');
    const [other] = connection('orders-2', { bootId: 'second' });
    expect(observed(observe(buildCluster(), 5, again!), 'orders-2')).toMatchObject({ reportAt: 0, report: { seq: 1 } });
    expect(observed(observe(buildCluster(), 5, other!), 'orders-2')).toMatchObject({
      link: { kind: 'up', since: 5, bootId: 'second' },
      report: null,
    });
  });

  it('notes since when the primary does not show a standby streaming', () => {
    const state = buildCluster();
    const alone = {
      ...primaryOf(state),
      standbys: primaryOf(state).standbys.filter(({ name }) => name === 'orders-2'),
    };
    const missing = report(state, 5, 'orders-1', { postgres: alone });
    expect(observed(missing, 'orders-3').missingSince).toBe(5);
    expect(observed(report(missing, 8, 'orders-1', { postgres: alone }), 'orders-3').missingSince).toBe(5);
    expect(
      observed(report(missing, 9, 'orders-1', { postgres: primaryOf(state) }), 'orders-3').missingSince,
    ).toBeNull();
    expect(observed(missing, 'orders-2').missingSince).toBeNull();
  });

  it('notes a failed goal from its first report until another word', () => {
    const failed = { goal: { id: 'x', status: 'failed', detail: 'no' } } as const;
    const first = report(buildCluster(), 5, 'orders-2', failed);
    expect(observed(report(first, 9, 'orders-2', failed), 'orders-2').failedSince).toBe(5);
    expect(observed(observe(first, 9, { kind: 'retried', instance: 'orders-2' }), 'orders-2').failedSince).toBeNull();
    expect(observed(report(first, 9, 'orders-2', {}), 'orders-2').failedSince).toBeNull();
  });

  it('dates a phase from when it was first seen', () => {
    const state = buildCluster();
    const { record } = state;
    const sync = { voters: ['orders-2'], k: 1 };
    expect(observe(state, 5, { kind: 'record', record: { ...record, sync } }).phaseSince).toBe(0);
    expect(observe(state, 5, { kind: 'record', record: { ...record, epoch: 2 } }).phaseSince).toBe(5);
  });

  it('keeps placements, and the same record for the same placement', () => {
    const state = buildCluster();
    const [again] = connection('orders-2');
    expect(observe(state, 5, again!).record).toBe(state.record);
    const placement = { ...buildPlacement(1), zone: 'b' };
    const moved = observe(state, 5, { kind: 'connected', instance: 'orders-2', bootId: 'x', placement });
    expect(moved.record.placements['orders-2']?.zone).toBe('b');
    expect(moved.record.placements['orders-1']).toEqual(state.record.placements['orders-1']);
  });

  describe('the baseline of the voters', () => {
    it('is the position at which the goal that was sent last was first shown in force', () => {
      const state = confirmed();
      expect(state.syncBaseline).toEqual({ goalId: GOAL, lsn: 2000n });
      const later = report(state, 3, 'orders-1', {
        postgres: { ...primaryOf(state), flushLsn: 5000n },
        goal: { id: GOAL, status: 'done', detail: '' },
      });
      expect(later.syncBaseline?.lsn).toBe(2000n);
    });

    it('is not there before all walsenders show the setting', () => {
      const told = observe(buildCluster(), 1, { kind: 'sent', instance: 'orders-1', goalId: GOAL });
      const standbys = primaryOf(told).standbys.map((standby) => ({ ...standby, syncState: 'async' as const }));
      const goal = { id: GOAL, status: 'done', detail: '' } as const;
      const state = report(told, 2, 'orders-1', { postgres: { ...primaryOf(told), standbys }, goal });
      expect(state.syncBaseline).toBeNull();
    });

    it('is not that of a report which came before the goal was sent', () => {
      const goal = { id: GOAL, status: 'done', detail: '' } as const;
      const state = report(buildCluster(), 2, 'orders-1', { postgres: primaryOf(buildCluster()), goal });
      expect(state.syncBaseline).toBeNull();
    });

    it('is forgotten with another goal, another connection and another epoch', () => {
      const state = confirmed();
      const [hello] = connection('orders-1');
      for (const next of [
        observe(state, 3, { kind: 'sent', instance: 'orders-1', goalId: 'e1/lead/another' }),
        observe(state, 3, hello!),
        observe(state, 3, { kind: 'disconnected', instance: 'orders-1' }),
        observe(state, 3, { kind: 'record', record: { ...state.record, epoch: 2 } }),
      ]) {
        expect(next.syncBaseline).toBeNull();
      }
      expect(observe(state, 3, { kind: 'sent', instance: 'orders-1', goalId: GOAL }).syncBaseline).not.toBeNull();
      expect(observe(state, 3, { kind: 'disconnected', instance: 'orders-2' }).syncBaseline).not.toBeNull();
    });
  });
});

describe('who begins to lead', () => {
  const lead = (state: ClusterState, term: number) =>
    observe(state, 10, { kind: 'leading', term, record: state.record });

  it('takes nothing for told or confirmed by itself that another one sent', () => {
    const begun = lead(confirmed(), 5);
    expect(begun).toMatchObject({ term: 5, syncBaseline: null, observedSince: 10 });
    expect(observed(begun, 'orders-1')).toMatchObject({ sentGoal: null, report: { goal: null } });
    // A report of the same goal that was sent before ours arrived.
    const sent = observe(begun, 11, { kind: 'sent', instance: 'orders-1', goalId: GOAL });
    const done = { postgres: primaryOf(sent), goal: { id: GOAL, status: 'done', detail: '' } as const };
    const early = report(sent, 12, 'orders-1', { ...done, term: 4 });
    expect(early.syncBaseline).toBeNull();
    expect(report(early, 13, 'orders-1', { ...done, term: 5 }).syncBaseline).toMatchObject({ goalId: GOAL });
  });

  it('keeps who is there and since when who is gone', () => {
    const gone = observe(buildCluster(), 4, { kind: 'disconnected', instance: 'orders-1' });
    const begun = lead(gone, 5);
    expect(observed(begun, 'orders-1').link).toEqual({ kind: 'down', since: 4 });
    expect(observed(begun, 'orders-2')).toMatchObject({ link: { kind: 'up' }, foundRunning: true });
  });
});
