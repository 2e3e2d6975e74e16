import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import type { Phase } from '../model/cluster-record.ts';
import { NO_OPERATIONS } from '../model/operations.ts';
import { completed } from './progress.ts';
import type { ClusterState } from './state.ts';

const names = (state: ClusterState, now: number) =>
  completed(state, 'orders-2', now)?.phases.map(({ name, tookMs }) => `${name} ${tookMs}`);

function stored(state: ClusterState, now: number, phase: Phase, epoch = state.record.epoch): ClusterState {
  return observe(state, now, { kind: 'record', record: { ...state.record, epoch, phase } });
}

function heard(state: ClusterState, now: number, instance: string): ClusterState {
  return observe(state, now, { kind: 'report', report: buildReport(instance, { seq: 1 + now }) });
}

const fencing = (cause: 'failover' | 'switchover'): Phase => ({
  ...{ kind: 'fencing', cause, from: 'orders-1', authority: 'orders-1', prefer: '' },
});
const promoting = (cause: 'failover' | 'switchover'): Phase => ({
  ...{ kind: 'promoting', cause, from: 'orders-1', candidate: 'orders-2', lsn: 1n, sync: { voters: [], k: 0 } },
});
const closed: Phase = { kind: 'active', primary: 'orders-2', gate: 'closed', sync: { voters: [], k: 0 } };

describe('the phases of a failover', () => {
  const crashed = observe(buildCluster(), 100, {
    kind: 'report',
    report: buildReport('orders-1', {
      seq: 9,
      postgres: { kind: 'stopped', how: 'crashed', clean: false, checkpointLsn: 1n },
    }),
  });
  const begun = stored(crashed, 104, fencing('failover'), 2);
  const chosen = stored(heard(begun, 130, 'orders-3'), 133, promoting('failover'));

  it('are from the first sign until rw is open', () => {
    const promoted = stored(chosen, 200, closed);
    expect(names(promoted, 215)).toEqual(['detected 4', 'fenced 26', 'chosen 3', 'promoted 67', 'opened 15']);
    expect(completed(promoted, 'orders-2', 215)).toMatchObject({ cause: 'failover', from: 'orders-1', to: 'orders-2' });
  });

  it('are gone when it is over, and nobody guesses those that began before', () => {
    const open = stored(stored(chosen, 200, closed), 220, { kind: 'active', primary: 'orders-2', gate: 'open' });
    expect(open.progress).toBeNull();
    const later = observe(buildCluster({ record: { phase: promoting('failover') } }), 10);
    expect(names(stored(later, 20, closed), 30)).toBeUndefined();
  });

  it('tell of a candidate that was given up', () => {
    const again = stored(
      heard(stored(chosen, 300, fencing('failover'), 3), 310, 'orders-3'),
      311,
      promoting('failover'),
    );
    expect(names(stored(again, 400, closed), 410)).toEqual([
      ...['detected 4', 'fenced 26', 'chosen 3', 'given up 167'],
      ...['fenced 10', 'chosen 1', 'promoted 89', 'opened 10'],
    ]);
  });

  it('have nothing detected when it was asked for', () => {
    const asked = stored(buildCluster(), 50, fencing('failover'), 2);
    expect(asked.progress?.phases).toEqual([]);
  });
});

describe('the phases of a switchover', () => {
  it('begin with the wait for transactions and the stop', () => {
    const target = { primary: 'orders-1', target: 'orders-2' };
    let state = stored(buildCluster(), 10, { kind: 'draining', ...target, waitMs: 100 });
    state = stored(state, 40, { kind: 'stopping', ...target });
    state = stored(state, 90, fencing('switchover'), 2);
    state = stored(state, 120, promoting('switchover'));
    state = stored(state, 160, closed);
    expect(names(state, 170)).toEqual([
      ...['drained 30', 'stopped 50', 'fenced 0', 'chosen 30', 'promoted 40', 'opened 10'],
    ]);
  });
});

describe('the phases of a restart in place', () => {
  const shut: Phase = { ...closed, primary: 'orders-1' };
  const dead = (how: 'crashed' | 'boot', clean: boolean) =>
    observe(buildCluster(), 100, {
      kind: 'report',
      report: buildReport('orders-1', { seq: 9, postgres: { kind: 'stopped', how, clean, checkpointLsn: 1n } }),
    });

  it('are one, named after what it came back from', () => {
    expect(names(stored(dead('crashed', false), 104, shut), 190)).toEqual(['recovered 86']);
    expect(names(stored(dead('crashed', true), 104, shut), 190)).toEqual(['restarted 86']);
    expect(completed(stored(dead('crashed', true), 104, shut), 'orders-1', 190)).toMatchObject({
      ...{ cause: 'restart', from: 'orders-1', to: 'orders-1' },
    });
  });

  it('are none of a cluster that was down as a whole: its standbys took their time too', () => {
    expect(names(stored(dead('boot', true), 104, shut), 190)).toBeUndefined();
  });

  it('begin with the stop where somebody asked for it', () => {
    const restart = (stage: 'stop' | 'start') => ({ ...NO_OPERATIONS, restarts: [{ instance: 'orders-1', stage }] });
    const asked = buildCluster({ record: { operations: restart('stop') } });
    const stopping = stored(asked, 10, shut);
    const record = { ...stopping.record, operations: restart('start') };
    expect(names(observe(stopping, 300, { kind: 'record', record }), 370)).toEqual(['stopped 290', 'restarted 70']);
  });
});
