import { describe, expect, it, onTestFinished } from 'vitest';
import { connection } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import { captureRejection } from '../../test/support/capture-error.ts';
import { ManualClock, MemoryStore } from '../../test/support/manual-clock.ts';
import type { InstanceReport } from '../model/instance.ts';
import type { ControlMessage } from '../runtime/agent-protocol.ts';
import { createLogger } from '../runtime/logger.ts';
import { ALONE } from '../store/leadership.ts';
import { type AgentChannel, Manager } from './manager.ts';
import type { ClusterState } from './state.ts';

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

async function setUp(store = new MemoryStore()) {
  const clock = new ManualClock();
  const states: ClusterState[] = [];
  const manager = new Manager({
    store,
    leadership: ALONE,
    clock,
    random: () => 0,
    log: createLogger({ level: 'silent', format: 'json' }),
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
