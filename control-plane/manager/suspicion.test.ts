import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, connection, observe } from '../../test/support/build-cluster.ts';
import { buildRecord, buildSpec } from '../../test/support/build-record.ts';
import type { PostgresState } from '../model/instance.ts';
import type { Sound } from './knock.ts';
import { type ClusterState, initialState } from './state.ts';
import { FIRST_CONTACT_MS, KNOCKING_MS, suspect } from './suspicion.ts';

const PRIMARY = 'orders-1';
const VOTERS = ['orders-2', 'orders-3', 'orders-4', 'orders-5'];
const standby = (streaming: boolean): PostgresState => ({
  kind: 'standby',
  receiveLsn: 2000n,
  replayLsn: 2000n,
  streaming,
});
const stopped = (how: 'boot' | 'crashed'): PostgresState => ({ kind: 'stopped', how, clean: false, checkpointLsn: 1n });

function report(state: ClusterState, now: number, instance: string, postgres: PostgresState): ClusterState {
  return observe(state, now, { kind: 'report', report: buildReport(instance, { seq: 2 + now, postgres }) });
}

function cluster(k: number): ClusterState {
  const standbys = Object.fromEntries(VOTERS.map((name) => [name, { lsn: 2000n }]));
  const spec = buildSpec({ instances: 5, durability: { mode: 'strict', quorum: k } });
  return buildCluster({ standbys, record: { spec, sync: { voters: VOTERS, k } } });
}

describe('suspicion', () => {
  it('is never certain by silence alone while k voters stream, whatever the rest says and for however long', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.subarray(VOTERS),
        fc.boolean(),
        fc.integer({ min: 20, max: 10_000_000 }),
        (k, streaming, linkDown, silentMs) => {
          let state = cluster(k);
          if (linkDown) state = observe(state, 5, { kind: 'disconnected', instance: PRIMARY });
          for (const name of VOTERS) state = report(state, 10, name, standby(streaming.includes(name)));
          state = observe(state, 10, { kind: 'knocked', instance: PRIMARY });
          const { kind } = suspect(state, PRIMARY, 10 + silentMs);
          if (streaming.length >= k) expect(kind).not.toBe('gone');
          else if (silentMs > 1000) expect(kind).toBe('gone');
        },
      ),
    );
  });

  it('is certain at once when the link is down, every voter that can be asked says, after that, that it streams no more, and nobody listens at its door', () => {
    let state = observe(cluster(1), 10, { kind: 'disconnected', instance: PRIMARY });
    for (const name of VOTERS.slice(0, 3)) state = report(state, 11, name, standby(false));
    expect(suspect(state, PRIMARY, 11)).toMatchObject({ kind: 'waiting', wakeAt: 31, knock: true });
    state = report(state, 12, 'orders-5', standby(false));
    expect(suspect(state, PRIMARY, 12)).toMatchObject({ kind: 'waiting', knock: true });
    state = observe(state, 12, { kind: 'heard', instance: PRIMARY, sound: 'refusal' });
    expect(suspect(state, PRIMARY, 12)).toEqual({
      kind: 'gone',
      proven: true,
      why: 'the agent of orders-1 is gone and no standby receives WAL from it',
    });
  });

  it('takes an answer to a knock for a sign of life: only those after the last one count', () => {
    let state = observe(cluster(1), 2000, { kind: 'disconnected', instance: PRIMARY });
    for (const name of VOTERS) state = report(state, 2001, name, standby(false));
    state = observe(state, 2001, { kind: 'knocked', instance: PRIMARY });
    state = observe(state, 2500, { kind: 'heard', instance: PRIMARY, sound: { stamp: 'one' } });
    expect(suspect(state, PRIMARY, 3000)).toMatchObject({ kind: 'waiting', knock: true });
    state = observe(state, 3000, { kind: 'knocked', instance: PRIMARY });
    expect(suspect(state, PRIMARY, 3000 + KNOCKING_MS - 1).kind).toBe('waiting');
    expect(suspect(state, PRIMARY, 3000 + KNOCKING_MS)).toMatchObject({ kind: 'gone', proven: false });
  });

  describe('of an agent that answers nobody while voters stream', () => {
    const hanging = (k: number, sound: Sound | null) => {
      let state = observe(cluster(k), 0, { kind: 'knocked', instance: PRIMARY });
      for (const name of VOTERS) state = report(state, 2900, name, standby(true));
      if (sound) state = observe(state, 1900, { kind: 'heard', instance: PRIMARY, sound });
      if (sound === 'connection') state = observe(state, 2900, { kind: 'heard', instance: PRIMARY, sound });
      return state;
    };

    it('is certain after a while when its machine takes connections', () => {
      expect(suspect(hanging(1, 'connection'), PRIMARY, 2999).kind).toBe('waiting');
      expect(suspect(hanging(1, 'connection'), PRIMARY, 3000)).toMatchObject({ kind: 'gone', proven: false });
    });

    it('is not certain with the first connection over a line that has just come back', () => {
      const back = observe(hanging(1, null), 5000, { kind: 'heard', instance: PRIMARY, sound: 'connection' });
      expect(suspect(back, PRIMARY, 5999)).toMatchObject({ kind: 'waiting', wakeAt: 6019 });
      expect(
        suspect(observe(back, 5999, { kind: 'heard', instance: PRIMARY, sound: { stamp: 'one' } }), PRIMARY, 6000).kind,
      ).toBe('waiting');
    });

    it('is never certain when its machine says nothing, or when it answered', () => {
      expect(suspect(hanging(1, null), PRIMARY, 100_000).kind).toBe('waiting');
      expect(suspect(hanging(1, 'connection'), PRIMARY, 100_000).kind).toBe('waiting');
      expect(suspect(hanging(1, { stamp: 'one' }), PRIMARY, 3000).kind).toBe('waiting');
    });

    it('is never certain where commits wait for nobody: nothing would stop them', () => {
      expect(suspect(hanging(0, 'connection'), PRIMARY, 3000).kind).toBe('waiting');
    });
  });

  it('does not take an old report for a fresh one', () => {
    let state = cluster(1);
    for (const name of VOTERS) state = report(state, 10, name, standby(false));
    state = observe(state, 10, { kind: 'disconnected', instance: PRIMARY });
    const suspicion = suspect(state, PRIMARY, 11);
    expect(suspicion).toMatchObject({ kind: 'waiting', ask: VOTERS });
    expect(suspect(observe(state, 11, { kind: 'asked', instances: VOTERS }), PRIMARY, 12)).toMatchObject({ ask: [] });
  });

  it('needs a promise quorum that can be asked before the limit', () => {
    let state = observe(cluster(1), 10, { kind: 'disconnected', instance: PRIMARY });
    state = observe(state, 10, { kind: 'disconnected', instance: 'orders-5' });
    for (const name of VOTERS.slice(0, 3)) state = report(state, 11, name, standby(false));
    // Of 4 voters with k = 1 all 4 have to promise.
    expect(suspect(state, PRIMARY, 12).kind).toBe('waiting');
  });

  it.each([
    ['crashed', stopped('crashed'), 'stopped'],
    ['gone without its data', { kind: 'absent' }, 'stopped'],
    ['starting', { kind: 'starting' }, 'starting'],
    ['being copied', { kind: 'creating', how: 'basebackup' }, 'starting'],
    ['in recovery', standby(false), 'starting'],
  ] satisfies [string, PostgresState, string][])('believes the agent at once: %s', (_, postgres, kind) => {
    expect(suspect(report(cluster(1), 10, PRIMARY, postgres), PRIMARY, 10).kind).toBe(kind);
  });

  it('tells a cold start, where nobody runs, from a primary that was restarted amid the others', () => {
    const cold = [PRIMARY, ...VOTERS].reduce(
      (state, name) => observe(state, 0, ...connection(name, { postgres: stopped('boot') })),
      initialState(cluster(1).record, 0),
    );
    expect(suspect(cold, PRIMARY, 1)).toMatchObject({ kind: 'stopped', coldStart: true });
    const [hello, first] = connection(PRIMARY, { bootId: 'second', postgres: stopped('boot') });
    expect(suspect(observe(cluster(1), 10, hello!, first!), PRIMARY, 10)).toMatchObject({
      kind: 'stopped',
      coldStart: false,
    });
  });

  it('gives an agent that this control plane never heard of time to connect: longer where nothing runs', () => {
    const state = initialState(buildRecord(), 0);
    expect(suspect(state, PRIMARY, FIRST_CONTACT_MS - 1)).toMatchObject({ kind: 'waiting', wakeAt: FIRST_CONTACT_MS });
    const knocked = observe(state, FIRST_CONTACT_MS, { kind: 'knocked', instance: PRIMARY });
    expect(suspect(state, PRIMARY, FIRST_CONTACT_MS)).toMatchObject({ kind: 'waiting', knock: true });
    expect(suspect(knocked, PRIMARY, FIRST_CONTACT_MS + KNOCKING_MS).kind).toBe('gone');
    const running = observe(state, 0, ...connection('orders-2', { postgres: standby(false) }));
    expect(suspect(running, PRIMARY, 999)).toMatchObject({ kind: 'waiting', wakeAt: 1000 });
    expect(
      suspect(observe(running, 1000, { kind: 'knocked', instance: PRIMARY }), PRIMARY, 1000 + KNOCKING_MS).kind,
    ).toBe('gone');
  });

  it('waits for the first word of an agent that has just connected', () => {
    const [hello] = connection(PRIMARY, { bootId: 'second' });
    const state = observe(cluster(1), 10, hello!);
    expect(suspect(state, PRIMARY, 11)).toEqual({ kind: 'starting', why: 'the agent of orders-1 has just connected' });
  });
});
