import { describe, expect, it } from 'vitest';
import { buildRecord } from '../../test/support/build-record.ts';
import type { Phase } from '../model/cluster-record.ts';
import { NO_SYNC } from '../model/sync.ts';
import { FailoverTimer, type FinishedFailover } from './failover-timer.ts';

const open: Phase = { kind: 'active', primary: 'orders-1', gate: 'open' };
const closed: Phase = { kind: 'active', primary: 'orders-2', gate: 'closed', sync: NO_SYNC };
const draining: Phase = { kind: 'draining', primary: 'orders-1', target: 'orders-2', waitMs: 0 };
const fencing = (cause: 'failover' | 'switchover'): Phase => ({
  kind: 'fencing',
  cause,
  from: 'orders-1',
  authority: 'orders-1',
  prefer: '',
});

function run(...steps: (readonly [phase: Phase, epoch: number, now: number])[]): FinishedFailover[] {
  const timer = new FailoverTimer();
  return steps
    .map(([phase, epoch, now]) => timer.onState(buildRecord({ phase, epoch }), now))
    .filter((done) => done !== null);
}

describe('FailoverTimer', () => {
  it('times a failover from its detection to the open route', () => {
    expect(run([open, 1, 0], [fencing('failover'), 2, 100], [closed, 2, 200], [open, 2, 250], [open, 2, 300])).toEqual([
      { cause: 'failover', tookMs: 150 },
    ]);
  });

  it('times a switchover from its begin', () => {
    expect(run([open, 1, 0], [draining, 1, 100], [fencing('switchover'), 2, 150], [open, 2, 180])).toEqual([
      { cause: 'switchover', tookMs: 80 },
    ]);
  });

  it('counts a switchover whose primary dies as a failover, and none that was given up', () => {
    expect(run([open, 1, 0], [draining, 1, 10], [fencing('failover'), 2, 20], [open, 2, 30])).toEqual([
      { cause: 'failover', tookMs: 20 },
    ]);
    expect(run([open, 1, 0], [draining, 1, 10], [open, 1, 20])).toEqual([]);
  });

  it('says nothing of what began before it looked', () => {
    expect(run([fencing('failover'), 2, 0], [open, 2, 10])).toEqual([]);
  });
});
