import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, connection, observe } from '../../test/support/build-cluster.ts';
import { goalId } from '../model/goal.ts';
import type { PostgresState } from '../model/instance.ts';
import { decide } from './decide.ts';
import { goalFor } from './goals.ts';
import { type ClusterState, observed } from './state.ts';

const runs: PostgresState = observed(buildCluster(), 'orders-1').report!.postgres;
const standby: PostgresState = { kind: 'standby', receiveLsn: 2000n, replayLsn: 2000n, streaming: true };
const stopped: PostgresState = { kind: 'stopped', how: 'requested', clean: false, checkpointLsn: 900n };

function say(state: ClusterState, now: number, instance: string, postgres: PostgresState): ClusterState {
  const before = observed(state, instance).report ?? buildReport(instance);
  return observe(state, now, { kind: 'report', report: { ...before, seq: 100 + now, postgres } });
}

/** orders-1 may take writes, but for what is said of orders-3. */
function ready(): ClusterState {
  const open = buildCluster();
  const phase = { kind: 'active', primary: 'orders-1', gate: 'closed', sync: open.record.sync } as const;
  const closed = observe(open, 0, { kind: 'record', record: { ...open.record, phase } });
  const id = goalId(goalFor(closed, 'orders-1', 0)!);
  const sent = observe(closed, 1, { kind: 'sent', instance: 'orders-1', goalId: id });
  const report = buildReport('orders-1', { seq: 2, goal: { id, status: 'done', detail: '' }, postgres: runs });
  return observe(sent, 2, { kind: 'report', report });
}

/** The new primary itself is never silent. */
const decided = (state: ClusterState, now: number) => decide(say(state, now, 'orders-1', runs), now);
const opens = (state: ClusterState, now: number) => decided(state, now).change?.kind === 'open';

describe('the gate with an old primary', () => {
  it('that is heard stays shut until that one says that it stopped, or says nothing any more', () => {
    expect(opens(ready(), 10)).toBe(true);
    const state = say(ready(), 10, 'orders-3', runs);
    const reason = 'orders-1 takes no writes until orders-3 has stopped';
    expect(decided(state, 11)).toMatchObject({ change: null, reason });
    expect(opens(say(state, 20, 'orders-3', stopped), 20)).toBe(true);
    expect(opens(state, 1009)).toBe(false);
    expect(opens(state, 1010)).toBe(true);
    expect(opens(observe(state, 20, { kind: 'disconnected', instance: 'orders-3' }), 20)).toBe(true);
  });

  it('that does not stop opens when its lease is over', () => {
    const state = say(ready(), 4990, 'orders-3', runs);
    expect(decided(state, 4999)).toMatchObject({ change: null, wakeAt: 5000 });
    expect(opens(state, 5000)).toBe(true);
  });

  it('that is back after its lease was over is waited for all the same, until it has stopped', () => {
    const [hello] = connection('orders-3');
    const state = say(observe(ready(), 9000, hello!), 9001, 'orders-3', runs);
    expect(opens(state, 9002)).toBe(false);
    expect(opens(say(state, 9015, 'orders-3', stopped), 9015)).toBe(true);
    expect(opens(say(state, 13_999, 'orders-3', runs), 14_000)).toBe(true);
  });

  it('that may have just connected stays shut until it has said what it is', () => {
    const [hello] = connection('orders-3');
    const state = observe(ready(), 2000, hello!);
    expect(opens(state, 2001)).toBe(false);
    expect(opens(say(state, 2002, 'orders-3', standby), 2002)).toBe(true);
    expect(opens(state, 3000)).toBe(true);
  });

  it('whose PostgreSQL does not answer stays shut for a moment after it is back, and never for one that was here', () => {
    const [hello] = connection('orders-3');
    const back = say(observe(ready(), 2000, hello!), 2001, 'orders-3', { kind: 'unresponsive' });
    expect(opens(back, 2002)).toBe(false);
    expect(opens(say(back, 2900, 'orders-3', { kind: 'unresponsive' }), 3000)).toBe(true);
    expect(opens(say(back, 2010, 'orders-3', stopped), 2010)).toBe(true);
    expect(opens(say(ready(), 2000, 'orders-3', { kind: 'unresponsive' }), 2001)).toBe(true);
  });
});
