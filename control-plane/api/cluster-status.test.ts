import { describe, expect, it } from 'vitest';
import { buildProxy, buildRefusal } from '../../test/support/build-proxy.ts';
import { buildRecord, buildSpec } from '../../test/support/build-record.ts';
import {
  buildInstanceView,
  buildPrimaryState,
  buildReport,
  buildStandbyState,
  buildView,
} from '../../test/support/build-view.ts';
import type { Phase } from '../model/cluster-record.ts';
import type { PostgresState } from '../model/instance.ts';
import { parseLsn } from '../model/lsn.ts';
import { NO_OPERATIONS, type Operations } from '../model/operations.ts';
import { clusterStatus } from './cluster-status.ts';
import type { ProxyStatus } from './contract.ts';
import { clusterStatusSchema } from './status-schema.ts';
import type { ClusterView } from './view.ts';

const sync = { voters: ['orders-2', 'orders-3'], k: 1 };

const instance = (view: ClusterView, name: string) => clusterStatus(view).instances.find((each) => each.name === name);

/** The conditions that don't hold, by type. */
function troubles(view: ClusterView, proxies: readonly ProxyStatus[] = []): Record<string, string> {
  const failing = clusterStatus(view, proxies).conditions.filter(({ status }) => status !== 'True');
  return Object.fromEntries(failing.map(({ type, message }) => [type, message]));
}

const withPostgres = (name: string, postgres: PostgresState) =>
  buildView({ instances: { [name]: buildInstanceView(buildReport(name, { postgres })) } });

describe('clusterStatus', () => {
  it('tells of a healthy cluster', () => {
    const status = clusterStatus(buildView());
    expect(status).toMatchObject({
      name: 'orders',
      epoch: 1,
      phase: 'active',
      gate: 'open',
      primary: 'orders-1',
      reason: 'all is well',
      durability: 'strict',
      sync: { ...sync, promiseQuorum: 2 },
      endpoints: { rw: '127.0.0.1:6432', ro: '127.0.0.1:6433', any: '127.0.0.1:6434' },
    });
    expect(status.instances.map(({ name, role, state, lsn, lagBytes }) => [name, role, state, lsn, lagBytes])).toEqual([
      ['orders-1', 'primary', 'running', '0/5000000', 0],
      ['orders-2', 'standby', 'running', '0/5000000', 0],
      ['orders-3', 'standby', 'running', '0/5000000', 0],
    ]);
    expect(status.conditions.map(({ status }) => status)).toEqual(Array(9).fill('True'));
  });

  const phases: [Phase, string | null][] = [
    [{ kind: 'forming', primary: 'orders-1' }, 'orders-1'],
    [{ kind: 'active', primary: 'orders-1', gate: 'closed', sync }, 'orders-1'],
    [{ kind: 'draining', primary: 'orders-1', target: 'orders-2', waitMs: 5 }, 'orders-1'],
    [{ kind: 'stopping', primary: 'orders-1', target: 'orders-2' }, 'orders-1'],
    [{ kind: 'fencing', cause: 'failover', from: 'orders-1', authority: 'orders-1', prefer: '' }, null],
    [
      { kind: 'promoting', cause: 'failover', from: 'orders-1', candidate: 'orders-2', lsn: parseLsn('0/1'), sync },
      'orders-2',
    ],
  ];
  it.each(phases)('tells why nothing can be written in phase %o', (phase, primary) => {
    const view = buildView({ record: buildRecord({ phase }) });
    const status = clusterStatusSchema.parse(clusterStatus(view));
    expect([status.phase, status.primary, status.gate]).toEqual([phase.kind, primary, 'closed']);
    expect(troubles(view).Writable).toMatch(/orders-[12]/);
  });

  const states: [PostgresState, string, string, string][] = [
    [{ kind: 'absent' }, 'none', 'absent', '0/0'],
    [{ kind: 'creating', how: 'rewind' }, 'none', 'creating', '0/0'],
    [{ kind: 'starting' }, 'none', 'starting', '0/0'],
    [{ kind: 'stopped', how: 'boot', clean: true, checkpointLsn: 5n }, 'none', 'stopped', '0/5'],
    [{ kind: 'stopped', how: 'crashed', clean: false, checkpointLsn: 5n }, 'none', 'crashed', '0/5'],
    [buildStandbyState({ receiveLsn: 1n, replayLsn: 7n }), 'standby', 'running', '0/7'],
  ];
  it.each(states)('tells what an instance is whose PostgreSQL is %o', (postgres, role, state, lsn) => {
    expect(instance(withPostgres('orders-2', postgres), 'orders-2')).toMatchObject({ role, state, lsn });
  });

  it('takes an unreachable instance for nothing that it was', () => {
    const report = buildReport('orders-1', { postgres: buildPrimaryState() });
    const view = buildView({ instances: { 'orders-1': buildInstanceView(report, false) } });
    expect(instance(view, 'orders-1')).toMatchObject({ role: 'none', state: 'unreachable', connected: false });
  });

  it('says nothing of an instance that has just connected and not told anything yet', () => {
    const view = buildView({ instances: { 'orders-2': buildInstanceView(null, true) } });
    expect(instance(view, 'orders-2')).toMatchObject({ role: 'none', state: 'unreachable', connected: true });
  });

  it('knows an instance that was never seen from the specification and its placement', () => {
    const view = buildView({ instances: { 'orders-3': buildInstanceView(null) } });
    expect(instance(view, 'orders-3')).toEqual({
      name: 'orders-3',
      role: 'none',
      leaving: false,
      pendingRestart: [],
      state: 'unreachable',
      connected: false,
      timeline: 0,
      lsn: '0/0',
      lagBytes: null,
      pids: { agent: 0, postgres: 0, envoy: 0 },
      socket: '/run/howdah/2',
      fenced: false,
      goal: null,
    });
  });

  it('counts lag in bytes, never below 0, and not without a primary', () => {
    const behind = buildStandbyState({ receiveLsn: parseLsn('0/4FFFFF0'), replayLsn: 0n });
    expect(instance(withPostgres('orders-2', behind), 'orders-2')?.lagBytes).toBe(16);
    const ahead = buildStandbyState({ receiveLsn: parseLsn('0/6000000') });
    expect(instance(withPostgres('orders-2', ahead), 'orders-2')?.lagBytes).toBe(0);
    expect(instance(withPostgres('orders-1', { kind: 'starting' }), 'orders-2')?.lagBytes).toBeNull();
  });
});

describe('conditions', () => {
  it('say that writes wait, and for how many of whom', () => {
    const view = withPostgres('orders-1', buildPrimaryState({ standbys: [] }));
    expect(troubles(view)).toEqual({
      Durable: 'writes wait: a commit needs 1 of orders-2, orders-3 and none streams',
    });
  });

  it('say that fewer standbys are waited for than asked', () => {
    const view = withPostgres('orders-1', buildPrimaryState({ sync: { voters: [], k: 0 } }));
    expect(troubles(view).Durable).toBe('commits wait for 0 standbys where 1 are asked for: start more standbys');
  });

  it('say that no standby is fit', () => {
    const gone = (name: string) => buildInstanceView(buildReport(name), false);
    const view = buildView({ instances: { 'orders-2': gone('orders-2'), 'orders-3': gone('orders-3') } });
    expect(troubles(view)).toEqual({
      FailoverReady: 'no standby is fit of the 2 that must promise a new epoch: see to orders-2, orders-3',
      AgentsConnected: 'no agent reports for orders-2, orders-3',
    });
  });

  it('count settings as applied when the restarts are over: one that starts says nothing of its settings', () => {
    const during = (operations: Partial<Operations>) =>
      troubles(buildView({ record: buildRecord({ operations: { ...NO_OPERATIONS, ...operations } }) }));
    expect(during({ rolling: { why: 'new settings: max_connections', waitMs: 0, done: ['orders-2'] } })).toEqual({
      SettingsApplied: 'rolling restart (new settings: max_connections) is under way',
    });
    expect(during({ restarts: [{ instance: 'orders-3', stage: 'stop' }] })).toEqual({
      SettingsApplied: 'orders-3 is being restarted',
    });
  });

  it('say that failover is switched off', () => {
    const spec = buildSpec({ failover: { ...buildSpec().failover, automatic: false } });
    expect(troubles(buildView({ record: buildRecord({ spec }) }))).toHaveProperty('FailoverReady');
  });

  it('take one standby for enough in an asynchronous cluster', () => {
    const spec = buildSpec({ durability: { mode: 'async', quorum: 0 } });
    const record = buildRecord({ spec, sync: { voters: [], k: 0 } });
    const down = buildInstanceView(buildReport('orders-2'), false);
    const view = buildView({ record, instances: { 'orders-2': down } });
    expect(troubles(view)).toEqual({ AgentsConnected: 'no agent reports for orders-2' });
    const none = buildView({ record, instances: { 'orders-2': down, 'orders-3': down } });
    expect(troubles(none).FailoverReady).toMatch(/^no standby is fit of the 1 /);
  });

  it('say that a cluster of one has no standby', () => {
    const spec = buildSpec({ instances: 1, durability: { mode: 'async', quorum: 0 } });
    const record = buildRecord({ spec, sync: { voters: [], k: 0 } });
    expect(troubles(buildView({ record }))).toEqual({ FailoverReady: 'a cluster of one has no standby' });
  });

  it('show a failed goal before those that are worked on', () => {
    const goal = (status: 'working' | 'failed', detail: string) => ({ id: 'e1/follow', status, detail });
    const view = buildView({
      instances: {
        'orders-2': buildInstanceView(buildReport('orders-2', { goal: goal('working', 'copies the data') })),
        'orders-3': buildInstanceView(buildReport('orders-3', { goal: goal('failed', 'the disk is full') })),
      },
    });
    expect(troubles(view)).toEqual({ GoalsReached: 'orders-3 failed: the disk is full' });
  });

  it('show what a proxy of the cluster or a gateway refused, and not what others did', () => {
    const refusing = (id: string) => buildProxy(id, buildRefusal('port taken'));
    const proxies = ['instance/orders/orders-1', 'gateway/local', 'instance/users/users-1'].map(refusing);
    expect(troubles(buildView(), proxies)).toEqual({
      ProxiesAccept:
        'instance/orders/orders-1 refused Listener rw.orders: port taken; gateway/local refused Listener rw.orders: port taken; it goes on with the last accepted one',
    });
  });
});
