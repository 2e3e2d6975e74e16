import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import { decide } from './decide.ts';
import { type ClusterState, initialState } from './state.ts';

const MINUTE_MS = 60_000;
const blind = { kind: 'standby', receiveLsn: 2000n, replayLsn: 2000n, streaming: false } as const;

function report(state: ClusterState, now: number, instance: string, postgres: Parameters<typeof buildReport>[1]) {
  return observe(state, now, { kind: 'report', report: buildReport(instance, { ...postgres, seq: 1 + now }) });
}

/** PostgreSQL of the primary does not answer, and no standby hears from it. */
function frozen(state: ClusterState, now: number): ClusterState {
  const silent = report(state, now, 'orders-1', { postgres: { kind: 'unresponsive' } });
  return ['orders-2', 'orders-3'].reduce((next, name) => report(next, now, name, { postgres: blind }), silent);
}

/** A failover because of silence was at time 10, and orders-1 leads again. */
function afterSilence(): ClusterState {
  const state = frozen(buildCluster(), 10);
  const { change } = decide(state, 10);
  expect(change).toMatchObject({ kind: 'failover', record: { operations: { silentEpoch: 2 } } });
  const begun = observe(state, 10, { kind: 'record', record: change!.record });
  const phase = { kind: 'active', primary: 'orders-1', gate: 'open' } as const;
  const back = observe(begun, 20, { kind: 'record', record: { ...begun.record, phase } });
  const { postgres } = buildCluster().instances['orders-1']!.report!;
  return report(back, 30, 'orders-1', { postgres, promisedEpoch: 2 });
}

describe('a primary that is silent again', () => {
  it('is not given up within a minute, and is then', () => {
    const state = frozen(afterSilence(), 1000);
    const decision = decide(state, 1000);
    expect(decision.change).toBeNull();
    expect(decision.reason).toContain('howdah failover orders');
    expect(decision.wakeAt).toBe(10 + MINUTE_MS);
    const knocked = observe(state, MINUTE_MS - 1000, { kind: 'knocked', instance: 'orders-1' });
    expect(decide(knocked, 10 + MINUTE_MS).change).toMatchObject({ kind: 'failover' });
  });

  it('is given up at once when its process is known to have ended', () => {
    const dead = { kind: 'stopped', how: 'crashed', clean: false, checkpointLsn: 900n } as const;
    expect(decide(report(afterSilence(), 1000, 'orders-1', { postgres: dead }), 1000).change?.kind).toBe('failover');
  });

  it('is given up at once when its machine says that its agent ended', () => {
    let state = observe(afterSilence(), 1010, { kind: 'disconnected', instance: 'orders-1' });
    state = observe(state, 1011, { kind: 'heard', instance: 'orders-1', sound: 'refusal' });
    for (const name of ['orders-2', 'orders-3']) state = report(state, 1011, name, { postgres: blind });
    expect(decide(state, 1012).change?.kind).toBe('failover');
  });

  it('is waited for when its connections ended and its machine says nothing', () => {
    let state = observe(afterSilence(), 3000, { kind: 'disconnected', instance: 'orders-1' });
    state = observe(state, 2000, { kind: 'knocked', instance: 'orders-1' });
    for (const name of ['orders-2', 'orders-3']) state = report(state, 3011, name, { postgres: blind });
    expect(decide(state, 3012).change).toBeNull();
  });

  it('is waited for by a control plane that started meanwhile too', () => {
    const restarted = initialState(afterSilence().record, 500);
    expect(restarted.silenceSince).toBe(500);
  });
});

describe('a minute without another', () => {
  it('is stored, so that nobody rests for what is long ago', () => {
    const state = afterSilence();
    expect(decide(state, 40).wakeAt).not.toBeNull();
    const now = 10 + MINUTE_MS;
    const { change } = decide(report(state, now, 'orders-1', state.instances['orders-1']!.report!), now);
    expect(change).toMatchObject({ kind: 'rested', record: { operations: { silentEpoch: null } } });
  });
});
