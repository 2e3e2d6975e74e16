import { describe, expect, it, onTestFinished } from 'vitest';
import { buildReport, connection } from '../../test/support/build-cluster.ts';
import { buildRecord } from '../../test/support/build-record.ts';
import { type EventLog, ManualClock, MemoryStore, RecordingAgents } from '../../test/support/manual-clock.ts';
import type { ClusterRecord } from '../model/cluster-record.ts';
import { HowdahError } from '../model/errors.ts';
import type { InstanceReport, PostgresState } from '../model/instance.ts';
import { createLogger } from '../runtime/logger.ts';
import { ALONE } from '../store/leadership.ts';
import { stay } from './decision.ts';
import { ClusterRunner } from './runner.ts';
import { observed } from './state.ts';

const PRIMARY: PostgresState = {
  kind: 'primary',
  flushLsn: 2000n,
  endOfRecoveryLsn: 1000n,
  sync: { voters: ['orders-2', 'orders-3'], k: 1 },
  standbys: ['orders-2', 'orders-3'].map((name) => ({
    name,
    state: 'streaming',
    syncState: 'quorum',
    flushLsn: 2000n,
    replayLsn: 2000n,
  })),
  checkpointTimeline: 1,
  activeTransactions: 0,
};
const CRASHED: PostgresState = { kind: 'stopped', how: 'crashed', clean: false, checkpointLsn: 900n };
const RECORD = buildRecord({ timeline: 1, timelineHistory: [], systemId: '7400000000000000000' });

async function setUp(record: ClusterRecord = RECORD) {
  const events: EventLog = [];
  const clock = new ManualClock();
  const store = new MemoryStore(events);
  await store.put(record, 0);
  const agents = new RecordingAgents(events);
  const runner = new ClusterRunner({
    stored: { record, revision: 1 },
    term: 0,
    leadership: ALONE,
    store,
    clock,
    log: createLogger({ level: 'silent', format: 'json' }),
    agents,
    knock: ({ epoch }) => events.push(`knock, epoch ${epoch}`),
    onState: () => events.push('state'),
  });
  onTestFinished(() => runner.stop());
  events.length = 0;
  let seq = 1;
  const connect = async (instance: string, change: Partial<InstanceReport> = {}) => {
    for (const observation of connection(instance, change)) runner.observe(observation);
    await runner.wake();
  };
  const report = async (instance: string, change: Partial<InstanceReport>) => {
    runner.observe({ kind: 'report', report: buildReport(instance, { seq: ++seq, ...change }) });
    await runner.wake();
  };
  return { events, clock, store, agents, runner, connect, report };
}

/** All agents connected and well, every goal sent. */
async function healthy() {
  const cluster = await setUp();
  await cluster.connect('orders-1', { postgres: PRIMARY });
  await cluster.connect('orders-2');
  await cluster.connect('orders-3');
  cluster.events.length = 0;
  return cluster;
}

const kinds = (events: EventLog) => events.filter((event) => event !== 'state');

describe('the runner', () => {
  it('sends each agent its goal once a connection', async () => {
    const { events, connect, runner } = await setUp();
    await connect('orders-1', { postgres: PRIMARY });
    await connect('orders-2');
    expect(kinds(events).filter((event) => event.startsWith('goal'))).toEqual([
      'goal orders-1 e1/lead/ANY 1 ("orders-2", "orders-3")/orders-2,orders-3',
      'goal orders-2 e1/follow/orders-1/t1//ready/next-orders-1,orders-3',
    ]);
    events.length = 0;
    await runner.wake();
    expect(kinds(events)).toEqual([]);
    await connect('orders-2');
    expect(kinds(events)).toEqual(['goal orders-2 e1/follow/orders-1/t1//ready/next-orders-1,orders-3']);
  });

  it('stores before it acts', async () => {
    const { events, report } = await healthy();
    await report('orders-1', { postgres: CRASHED });
    const fenced = ['orders-1', 'orders-2', 'orders-3'].map((name) => `goal ${name} e2/fence`);
    // One look at the new phase, for what was stored and what follows from it.
    expect(events).toEqual(['put 2 fencing', ...fenced, 'state']);
  });

  it('acts on nothing while the store fails, tries again, and then acts', async () => {
    const { events, report, store, clock, runner } = await healthy();
    store.failure = new HowdahError('unavailable', 'the disk is full');
    await report('orders-1', { postgres: CRASHED });
    expect(events).toEqual(['put fails']);
    expect(runner.reason).toContain('the disk is full');
    expect(runner.state.record.epoch).toBe(1);
    store.failure = null;
    clock.advance(500);
    await runner.wake();
    expect(kinds(events).slice(1, 3)).toEqual(['put 2 fencing', 'goal orders-1 e2/fence']);
  });

  it('reads again what another writer stored, and decides from that', async () => {
    const { events, report, store, runner } = await healthy();
    const theirs = { ...runner.state.record, epoch: 7 };
    const stored = await store.get('orders');
    await store.put(theirs, stored!.revision);
    events.length = 0;
    await report('orders-1', { postgres: CRASHED });
    expect(kinds(events).slice(0, 2)).toEqual(['put conflicts', 'put 8 fencing']);
    expect(kinds(events).some((event) => event.includes('e2/'))).toBe(false);
  });

  it('proves that its record is the newest before it sends a goal to lead that it did not just store', async () => {
    const { events, store, runner, connect } = await healthy();
    const stored = await store.get('orders');
    const narrower = { ...stored!.record, sync: { voters: ['orders-2'], k: 1 } };
    await store.put(narrower, stored!.revision);
    events.length = 0;
    // Back on a new connection: the goal is to be sent again.
    await connect('orders-1', { seq: 50, postgres: PRIMARY });
    expect(runner.state.record.sync.voters).toContain('orders-2');
    const leads = events.filter((event) => event.startsWith('goal orders-1'));
    for (const lead of leads) {
      const told = /ANY \d+ \((.*)\)/.exec(lead)![1]!.replaceAll('"', '').split(', ');
      expect((await store.get('orders'))!.record.sync.voters).toEqual(expect.arrayContaining(told));
    }
    expect(leads.length).toBeGreaterThan(0);
  });

  it('goes on from the store when an agent has promised more than its record knows', async () => {
    const { store, runner, report } = await healthy();
    const stored = await store.get('orders');
    await store.put({ ...stored!.record, epoch: 3 }, stored!.revision);
    await report('orders-2', { promisedEpoch: 3 });
    expect(runner.state.record.epoch).toBe(3);
  });

  it('sends no second change of the voters before the first is heard', async () => {
    const { events, clock, runner, report } = await healthy();
    const both = observed(runner.state, 'orders-1').sentGoal!;
    const alone = { ...PRIMARY, standbys: PRIMARY.standbys.slice(0, 1) };
    const done = (id: string) => ({ id, status: 'done', detail: '' }) as const;
    await report('orders-1', { postgres: alone, goal: done(both) });
    clock.advance(3000);
    await report('orders-1', { postgres: alone, goal: done(both) });
    const one = observed(runner.state, 'orders-1').sentGoal!;
    expect(one).toContain('ANY 1 ("orders-2")/');
    // The other is back before the agent told that it has the goal: the way back has to wait.
    events.length = 0;
    await report('orders-1', { postgres: PRIMARY, goal: done(both) });
    expect(events.filter((event) => event.startsWith('goal orders-1'))).toEqual([]);
    expect(runner.state.syncBaseline).toBeNull();
    await report('orders-1', { postgres: PRIMARY, goal: { id: one, status: 'working', detail: 'configure' } });
    expect(events.filter((event) => event.startsWith('goal orders-1'))).toEqual([`goal orders-1 ${both}`]);
    // Only what comes after that is a confirmation.
    expect(runner.state.syncBaseline).toBeNull();
    await report('orders-1', { postgres: PRIMARY, goal: done(both) });
    expect(runner.state.syncBaseline).toEqual({ goalId: both, lsn: 2000n });
  });

  it('asks for reports, knocks and wakes when decide wants it, once', async () => {
    const { events, clock, runner, agents } = await healthy();
    agents.gone.add('orders-1');
    runner.observe({ kind: 'disconnected', instance: 'orders-1' });
    await runner.wake();
    expect(kinds(events)).toEqual(expect.arrayContaining(['ask orders-2', 'ask orders-3', 'knock, epoch 1']));
    expect(observed(runner.state, 'orders-1').knocks.since).toBe(clock.now());
    expect(clock.due).toHaveLength(1);
  });

  it('retries a failed goal by sending it again', async () => {
    const { events, clock, report, runner } = await healthy();
    const id = observed(runner.state, 'orders-2').sentGoal!;
    await report('orders-2', { goal: { id, status: 'failed', detail: 'no source' } });
    events.length = 0;
    clock.advance(2000);
    await runner.wake();
    expect(kinds(events)).toContain(`goal orders-2 ${id}`);
  });

  it('takes an intent before it decides by itself, and does nothing after it was stopped', async () => {
    const { events, runner, clock } = await healthy();
    let asked = 0;
    runner.intend(() => {
      asked++;
      return stay('because a test wants it');
    });
    await runner.wake();
    expect(asked).toBe(1);
    expect(runner.reason).toBe('because a test wants it');
    await runner.stop();
    events.length = 0;
    runner.observe({ kind: 'disconnected', instance: 'orders-1' });
    clock.advance(60_000);
    await runner.wake();
    expect(events).toEqual([]);
  });
});
