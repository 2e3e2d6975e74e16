import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import { explain } from './explain.ts';

describe('explain', () => {
  it('names who would lead, and why the other would not', () => {
    const state = buildCluster({ standbys: { 'orders-2': { lsn: 2000n }, 'orders-3': { lsn: 1000n } } });
    expect(explain(state, '')).toEqual({
      summary:
        'If orders-1 died now, orders-2 would lead epoch 2: it has WAL up to 0/7D0 on timeline 1. No acknowledged commit would be lost.',
      leader: 'orders-2',
      others: [{ instance: 'orders-3', why: 'it is 1000 bytes behind orders-2' }],
      advice: [],
    });
  });

  it('says that a mere crash would be answered in its place, where that is known to be sooner', () => {
    const took = (cause: 'failover' | 'restart', name: 'promoted' | 'recovered', tookMs: number) => ({
      ...{ at: 0, epoch: 0, kind: 'open', reason: '' },
      change: { cause, from: 'orders-1', to: 'orders-1', phases: [{ name, tookMs }] },
    });
    const history = [took('failover', 'promoted', 200), took('restart', 'recovered', 90)];
    expect(explain(buildCluster({ record: { history } }), '').summary).toContain(
      'If only its PostgreSQL crashed, it would be started again in its place: it was back in 90 ms last time, and a failover took 200 ms.',
    );
  });

  it('says that nobody would, what is missing and what to do', () => {
    const state = buildCluster({ standbys: { 'orders-2': { lsn: 2000n } }, voters: ['orders-2', 'orders-3'] });
    expect(explain(state, '')).toEqual({
      summary:
        'If orders-1 died now, nobody would take over: 2 of orders-2, orders-3 must promise, and 1 can be reached. Writes would be out until orders-1 is back.',
      leader: null,
      others: [{ instance: 'orders-3', why: 'its agent is not connected' }],
      advice: ['Bring orders-3 back: its agent is not connected.'],
    });
  });

  it('does not count one that diverged and may hold a commit that the other one lacks', () => {
    const record = { timeline: 2, timelineHistory: [{ timeline: 1, endLsn: 2000n }] };
    const ahead = { postgres: { kind: 'standby', receiveLsn: 2008n, replayLsn: 2008n, streaming: false } } as const;
    const behind = { postgres: { kind: 'standby', receiveLsn: 1992n, replayLsn: 1992n, streaming: true } } as const;
    const state = observe(
      buildCluster({ record }),
      1,
      { kind: 'report', report: buildReport('orders-2', { ...behind, seq: 2 }) },
      { kind: 'report', report: buildReport('orders-3', { ...ahead, seq: 2 }) },
    );
    expect(explain(state, '')).toMatchObject({
      summary:
        'If orders-1 died now, nobody would take over: 2 of orders-2, orders-3 must show that orders-2 lacks no commit of theirs, and 1 can. Writes would be out until orders-1 is back.',
      leader: null,
      others: [
        {
          instance: 'orders-3',
          why: 'it diverged: it has WAL up to 0/7D8 on timeline 1, which the cluster left at 0/7D0',
        },
      ],
    });
  });
});
