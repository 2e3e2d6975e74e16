import { describe, expect, it, onTestFinished } from 'vitest';
import { buildCluster, connection } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import { captureRejection } from '../../test/support/capture-error.ts';
import { ManualClock, MemoryStore } from '../../test/support/manual-clock.ts';
import type { InstanceReport } from '../model/instance.ts';
import type { ControlMessage } from '../runtime/agent-protocol.ts';
import { createLogger } from '../runtime/logger.ts';
import { ALONE, type Leadership } from '../store/leadership.ts';
import { type AgentChannel, Manager } from './manager.ts';
import type { ClusterState } from './state.ts';
import { PendingSwitchover } from './switchover.ts';

class TestChannel implements AgentChannel {
  readonly hello: AgentChannel['hello'];
  readonly report: InstanceReport;
  readonly messages: ControlMessage[] = [];

  constructor(instance: string, change: Partial<InstanceReport> = {}) {
    const [connected, reported] = connection(instance, change);
    if (connected?.kind !== 'connected' || reported?.kind !== 'report') throw new Error('not a connection');
    const { bootId, placement } = connected;
    this.hello = { kind: 'hello', cluster: 'orders', instance, bootId, placement, postgresMajor: 18 };
    this.report = reported.report;
  }

  send(message: ControlMessage): boolean {
    this.messages.push(message);
    return true;
  }

  get goals(): string[] {
    return this.messages.flatMap((message) => (message.kind === 'goal' ? [message.id] : []));
  }
}

async function setUp(store = new MemoryStore(), leadership: Leadership = ALONE) {
  const clock = new ManualClock();
  const states: ClusterState[] = [];
  const manager = new Manager({
    store,
    leadership,
    clock,
    random: () => 0,
    log: createLogger({ level: 'silent', format: 'json' }),
    knock: () => undefined,
    onState: (state) => states.push(state),
  });
  await manager.start();
  onTestFinished(() => manager.stop());
  /** A turn of the event loop: every step that was asked for is done. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { manager, store, clock, states, settle };
}

describe('the manager', () => {
  it('begins a cluster with its first instance, and a restarted one goes on with it', async () => {
    const { manager, store, settle } = await setUp();
    await manager.apply(buildSpec());
    expect(manager.cluster('orders')?.record).toMatchObject({
      epoch: 1,
      phase: { kind: 'forming', primary: 'orders-1' },
      sync: { voters: [], k: 0 },
    });
    const first = new TestChannel('orders-1', { postgres: { kind: 'absent' }, systemId: '', timeline: 0 });
    const second = new TestChannel('orders-2', { postgres: { kind: 'absent' }, systemId: '', timeline: 0 });
    for (const channel of [first, second]) manager.onHello(channel);
    await settle();
    expect(first.goals).toEqual(['e1/lead/create/start//orders-2,orders-3']);
    expect(second.goals).toEqual([]);
    const again = await setUp(store);
    expect(again.manager.clusters().map(({ record }) => record.spec.name)).toEqual(['orders']);
    // Where the proxies and the agents are is known without their connecting.
    expect(Object.keys(again.manager.cluster('orders')!.record.placements).sort()).toEqual(['orders-1', 'orders-2']);
  });

  it('refuses an instance that no spec names', async () => {
    const { manager } = await setUp();
    await manager.apply(buildSpec());
    const channel = new TestChannel('orders-4');
    expect(() => manager.onHello(channel)).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('leaves agents of a cluster that it does not know as they are, until the cluster is rebuilt', async () => {
    const { manager, settle } = await setUp();
    const channels = ['orders-1', 'orders-2', 'orders-3'].map((name) => new TestChannel(name, { promisedEpoch: 4 }));
    for (const channel of channels) {
      manager.onHello(channel);
      manager.onReport(channel, channel.report);
    }
    await settle();
    expect(channels.flatMap(({ messages }) => messages)).toEqual([]);
    expect(manager.strangers()).toEqual([{ cluster: 'orders', instances: ['orders-1', 'orders-2', 'orders-3'] }]);
    expect(await manager.rebuild(buildSpec(), true)).toMatchObject({ epoch: 5 });
    expect(manager.clusters()).toEqual([]);
    await manager.rebuild(buildSpec(), false);
    await settle();
    expect(manager.strangers()).toEqual([]);
    expect(manager.cluster('orders')?.record).toMatchObject({ epoch: 5, phase: { kind: 'fencing' } });
    expect(channels.map(({ goals }) => goals)).toEqual([['e5/fence'], ['e5/fence'], ['e5/fence']]);
    const again = await captureRejection(manager.rebuild(buildSpec(), false));
    expect(again).toMatchObject({ code: 'failed-precondition' });
  });

  it('makes no cluster anew of which agents have data: the store may have been lost', async () => {
    const { manager } = await setUp();
    const channel = new TestChannel('orders-2', { promisedEpoch: 4, systemId: '7400000000000000000' });
    manager.onHello(channel);
    manager.onReport(channel, channel.report);
    const refused = await captureRejection(manager.apply(buildSpec()));
    expect(refused).toMatchObject({
      code: 'failed-precondition',
      message: expect.stringContaining('howdah rebuild -f FILE'),
      problems: [
        { path: 'orders-2', message: 'has data of system identifier 7400000000000000000, and promised epoch 4' },
      ],
    });
    expect(manager.clusters()).toEqual([]);
    manager.onGone(channel);
    await manager.apply(buildSpec());
    expect(manager.clusters()).toHaveLength(1);
  });

  it('listens to the newest stream of an instance only', async () => {
    const { manager, settle } = await setUp();
    await manager.apply(buildSpec());
    const old = new TestChannel('orders-2', { bootId: 'old' });
    const replaced = new TestChannel('orders-2', { bootId: 'new' });
    manager.onHello(old);
    manager.onHello(replaced);
    manager.onReport(old, old.report);
    await settle();
    const view = () => manager.cluster('orders')!.instances.get('orders-2');
    expect(view()).toMatchObject({ connected: true, report: null });
    expect(old.messages.filter(({ kind }) => kind !== 'settings')).toEqual([]);
    manager.onReport(replaced, replaced.report);
    await settle();
    expect(view()?.report?.bootId).toBe('new');
    // The end of the old one says nothing of the new.
    manager.onGone(old);
    await settle();
    expect(view()?.connected).toBe(true);
    manager.onGone(replaced);
    await settle();
    expect(view()?.connected).toBe(false);
  });

  it('answers the reports of a cluster with a leader with its lease', async () => {
    const { manager, settle } = await setUp();
    await manager.apply(buildSpec());
    const channel = new TestChannel('orders-1');
    manager.onHello(channel);
    manager.onReport(channel, channel.report);
    await settle();
    expect(channel.messages).toContainEqual({ kind: 'report-ack', seq: 1, leaseMs: 5000 });
  });

  it('takes more instances, and fewer only while it takes writes', async () => {
    const { manager } = await setUp();
    await manager.apply(buildSpec());
    await manager.apply(buildSpec({ instances: 5 }));
    expect(manager.cluster('orders')?.record.spec.instances).toBe(5);
    const error = await captureRejection(manager.apply(buildSpec({ instances: 3 })));
    expect(error).toMatchObject({ code: 'failed-precondition', problems: [{ path: 'spec.instances' }] });
    expect(manager.cluster('orders')?.record.spec.instances).toBe(5);
  });

  it('refuses a switchover of what is not there or not open, with the reasons', async () => {
    const { manager } = await setUp();
    await manager.apply(buildSpec());
    expect(await captureRejection(manager.switchover('users', {}))).toMatchObject({ code: 'not-found' });
    expect(await captureRejection(manager.switchover('orders', {}))).toMatchObject({
      code: 'failed-precondition',
      problems: [{ path: 'switchover', message: expect.stringContaining('forming') }],
    });
  });

  it('does nothing after it was stopped', async () => {
    const { manager, states, settle } = await setUp();
    await manager.apply(buildSpec());
    await settle();
    await manager.stop();
    const before = states.length;
    manager.onHello(new TestChannel('orders-1'));
    await settle();
    expect(states).toHaveLength(before);
  });
});

describe('of several control planes', () => {
  /** Two over one store, of which none leads yet; `appoint` makes one lead in a term. */
  async function two() {
    const store = new MemoryStore();
    const terms: (number | null)[] = [null, null];
    const first = await setUp(store, { term: () => terms[0]! });
    const second = await setUp(store, { term: () => terms[1]! });
    const all = [first, second];
    return {
      ...{ first, second, store },
      async appoint(index: number, term: number | null) {
        terms[index] = term;
        all[index]!.manager.onTerm(term);
        await all[index]!.settle();
      },
      /** Its lease ends without its having been let run. */
      expire(index: number) {
        terms[index] = null;
      },
    };
  }

  const fresh = { postgres: { kind: 'absent' }, systemId: '', timeline: 0 } as const;

  it('only the one that leads sends goals, each with its term, and renews leases', async () => {
    const { first, second, appoint } = await two();
    await appoint(0, 7);
    await first.manager.apply(buildSpec());
    await second.settle();
    const [toFirst, toSecond] = [new TestChannel('orders-1', fresh), new TestChannel('orders-1', fresh)];
    first.manager.onHello(toFirst);
    second.manager.onHello(toSecond);
    await first.settle();
    await second.settle();
    first.manager.onReport(toFirst, toFirst.report);
    second.manager.onReport(toSecond, toSecond.report);
    await second.settle();
    expect(toSecond.messages).toEqual([]);
    expect(toFirst.messages.find(({ kind }) => kind === 'goal')).toMatchObject({ term: 7 });
    expect(toFirst.messages.some(({ kind }) => kind === 'report-ack')).toBe(true);
    expect(second.manager.cluster('orders')!.instances.get('orders-1')!.connected).toBe(true);
  });

  it('a cluster that is made while the one that leads still reads what is stored is led as well', async () => {
    const { first, store, appoint } = await two();
    const read = Promise.withResolvers<void>();
    store.listed = read.promise;
    await appoint(0, 7);
    await first.manager.apply(buildSpec());
    read.resolve();
    await first.settle();
    const channel = new TestChannel('orders-1', fresh);
    first.manager.onHello(channel);
    await first.settle();
    expect(channel.messages.find(({ kind }) => kind === 'goal')).toMatchObject({ term: 7 });
  });

  it('the next one goes on from what is stored, and the one before says nothing more', async () => {
    const { first, second, appoint, expire } = await two();
    await appoint(0, 7);
    await first.manager.apply(buildSpec());
    await second.settle();
    const [toFirst, toSecond] = [new TestChannel('orders-1', fresh), new TestChannel('orders-1', fresh)];
    first.manager.onHello(toFirst);
    second.manager.onHello(toSecond);
    await first.settle();
    expire(0);
    const before = toFirst.messages.length;
    await appoint(1, 9);
    await second.settle();
    expect(toSecond.messages.find(({ kind }) => kind === 'goal')).toMatchObject({ term: 9 });
    first.manager.onReport(toFirst, toFirst.report);
    await first.settle();
    expect(toFirst.messages).toHaveLength(before);
  });

  it('whoever waits for a switchover is told that nobody here brings it to its end', async () => {
    const asked = { to: 'orders-2', waitMs: 1000 };
    const clock = new ManualClock();
    const pending = new PendingSwitchover(clock, asked, buildCluster());
    pending.abandon('another one leads');
    await expect(pending.done).rejects.toMatchObject({ code: 'unavailable', message: 'another one leads' });
  });
});
