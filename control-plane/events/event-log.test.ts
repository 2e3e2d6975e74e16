import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { EventLog } from './event-log.ts';
import { eventsBetween } from './events-between.ts';

const crashed = { kind: 'stopped', how: 'crashed', clean: false, checkpointLsn: 1n } as const;
const died = (seq: number) =>
  ({ kind: 'report', report: buildReport('orders-1', { seq, postgres: crashed }) }) as const;
const before = buildCluster();
const dead = observe(before, 10, died(9));

describe('eventsBetween', () => {
  it('tells of what changed, once', () => {
    expect(eventsBetween(before, dead)).toEqual([
      { cluster: 'orders', epoch: 1, kind: 'postgres', instance: 'orders-1', message: 'PostgreSQL died' },
    ]);
    expect(eventsBetween(dead, observe(dead, 20, died(10)))).toEqual([]);
    const gone = observe(before, 10, { kind: 'disconnected', instance: 'orders-2' });
    expect(eventsBetween(before, gone)).toMatchObject([{ instance: 'orders-2', message: 'its agent is gone' }]);
  });

  it('tells of each decision, also when the oldest ones were dropped', () => {
    const history = [1, 2, 3].map((at) => ({ at, epoch: 1, kind: 'voters', reason: `reason ${at}` }));
    const three = { ...before, record: { ...before.record, history } };
    const more = [...history.slice(1), { at: 3, epoch: 2, kind: 'failover', reason: 'it died' }];
    const four = { ...three, record: { ...three.record, history: more } };
    expect(eventsBetween(three, four)).toEqual([
      { cluster: 'orders', epoch: 2, kind: 'failover', instance: '', message: 'it died' },
    ]);
  });
});

describe('the event log', () => {
  const all = { cluster: '', after: '', waitMs: 0 };

  it('goes on behind a cursor, and begins anew for one of another run', async () => {
    const log = new EventLog(new ManualClock(), 'b');
    log.onState(before);
    const first = await log.read(all);
    expect(first.events.length).toBeGreaterThan(0);
    expect((await log.read({ ...all, after: first.cursor })).events).toEqual([]);
    log.onState(dead);
    expect((await log.read({ ...all, after: first.cursor })).events).toMatchObject([{ message: 'PostgreSQL died' }]);
    expect((await log.read({ ...all, after: 'a-99' })).events).toHaveLength(first.events.length + 1);
    expect((await log.read({ ...all, cluster: 'billing' })).events).toEqual([]);
  });

  it('answers who waits when something happens, when the wait is over, and when it ends', async () => {
    const clock = new ManualClock();
    const log = new EventLog(clock, 'b');
    log.onState(before);
    const { cursor } = await log.read(all);
    const next = log.read({ cluster: '', after: cursor, waitMs: 1000 });
    log.onState(dead);
    expect((await next).events).toHaveLength(1);
    const nothing = log.read({ cluster: 'billing', after: cursor, waitMs: 1000 });
    clock.advance(1000);
    expect((await nothing).events).toEqual([]);
    const late = log.read({ cluster: 'billing', after: cursor, waitMs: 60_000 });
    log.close();
    expect((await late).events).toEqual([]);
  });
});
