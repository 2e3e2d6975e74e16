import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EndpointIr, RouteKind } from '../../envoy-config/ir.ts';
import { buildCluster, buildReport, connection, observe } from '../../test/support/build-cluster.ts';
import { buildRecord, buildSpec } from '../../test/support/build-record.ts';
import { type ClusterState, initialState } from '../manager/state.ts';
import type { Phase } from '../model/cluster-record.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import type { PostgresState } from '../model/instance.ts';
import { gatewayRoutes, instanceProxy, servingText } from './mesh.ts';
import { Publisher } from './publisher.ts';

const RECORD = buildCluster().record;
const SYNC = { voters: ['orders-2', 'orders-3'], k: 1 };
const from = { cause: 'failover', from: 'orders-1' } as const;
const PHASES: readonly Phase[] = [
  { kind: 'forming', primary: 'orders-1' },
  { kind: 'active', primary: 'orders-1', gate: 'open' },
  { kind: 'active', primary: 'orders-1', gate: 'closed', sync: SYNC },
  { kind: 'draining', primary: 'orders-1', target: 'orders-2', waitMs: 10 },
  { kind: 'stopping', primary: 'orders-1', target: 'orders-2' },
  { kind: 'fencing', ...from, authority: 'orders-1', prefer: '' },
  { kind: 'promoting', ...from, candidate: 'orders-2', lsn: 1n, sync: SYNC },
];

function inPhase(phase: Phase, state: ClusterState = buildCluster()): ClusterState {
  return observe(state, 0, { kind: 'record', record: { ...state.record, epoch: 7, phase } });
}

function endpointsOf(state: ClusterState, kind: RouteKind): readonly EndpointIr[] {
  const found = gatewayRoutes(state).find((route) => route.kind === kind);
  if (!found) throw new Error(`no route ${kind}`);
  return found.endpoints;
}

/** Who gets new sessions. */
const takes = (state: ClusterState, kind: RouteKind) =>
  endpointsOf(state, kind)
    .filter(({ draining, lastResort }) => !draining && !lastResort)
    .map(({ instance }) => instance);

function report(state: ClusterState, instance: string, postgres: PostgresState): ClusterState {
  return observe(state, 10, { kind: 'report', report: buildReport(instance, { seq: 2, postgres }) });
}

describe('rw', () => {
  it('takes sessions only while the gate is open, and leads to the mesh port for writes of the primary', () => {
    for (const phase of PHASES) {
      const isOpen = phase.kind === 'active' && phase.gate === 'open';
      expect(takes(inPhase(phase), 'rw'), phase.kind).toEqual(isOpen ? ['orders-1'] : []);
    }
    const [endpoint] = endpointsOf(inPhase(PHASES[1]!), 'rw');
    expect(endpoint).toMatchObject({ port: 7004, healthPort: 7006 });
  });

  it('lets Envoy check a new primary before the gate opens, as soon as it is one', () => {
    const closed = inPhase(PHASES[2]!);
    expect(endpointsOf(closed, 'rw')).toMatchObject([{ instance: 'orders-1', draining: true }]);
    const starting = report(closed, 'orders-1', { kind: 'starting' });
    expect(endpointsOf(starting, 'rw')).toEqual([]);
    expect(servingText(starting)).not.toBe(servingText(closed));
  });

  it('keeps the sessions it has while a switchover lets them end', () => {
    for (const phase of PHASES.slice(3, 5)) {
      expect(endpointsOf(inPhase(phase), 'rw')).toMatchObject([{ instance: 'orders-1', draining: true }]);
    }
    expect(endpointsOf(inPhase(PHASES[5]!), 'rw')).toEqual([]);
  });

  it('carries the epoch, as replication does, and reads do not', () => {
    const { routes } = instanceProxy(inPhase(PHASES[1]!), 'orders-2')!;
    expect(routes.map(({ kind, epoch }) => [kind, epoch])).toEqual([
      ['rw', 7],
      ['ro', 0],
      ['any', 0],
      ['replication', 7],
    ]);
  });
});

describe('the next epoch', () => {
  const prepared = (state: ClusterState) =>
    instanceProxy(state, 'orders-2')!.routes.flatMap(({ kind, nextEpoch }) => (nextEpoch ? [[kind, nextEpoch]] : []));

  it('is prepared for rw and replication while somebody leads, and not amid a change of primary', () => {
    const all = [
      ['rw', 8],
      ['replication', 8],
    ];
    const found = PHASES.map((phase) => [phase.kind, prepared(inPhase(phase))]);
    expect(found).toEqual(
      PHASES.map(({ kind }) => [kind, ['active', 'draining', 'stopping'].includes(kind) ? all : []]),
    );
  });

  it('has time until a new primary has made its checkpoint, and stays when nothing is heard of the primary', () => {
    const settled = inPhase(PHASES[1]!);
    const primary = settled.instances['orders-1']?.report?.postgres;
    if (primary?.kind !== 'primary') throw new Error('orders-1 is to be the primary');
    const promoted = report(settled, 'orders-1', { ...primary, checkpointTimeline: 0 });
    expect(prepared(promoted)).toEqual([]);
    expect(servingText(promoted)).not.toBe(servingText(settled));
    const crashed = report(settled, 'orders-1', { kind: 'stopped', how: 'crashed', clean: false, checkpointLsn: 0n });
    const gone = observe(settled, 11, { kind: 'disconnected', instance: 'orders-1' });
    for (const state of [crashed, gone]) expect(prepared(state)).not.toEqual([]);
  });
});

describe('the local PostgreSQL', () => {
  it('takes writes of the epoch on at most one instance, whatever the phase', () => {
    fc.assert(
      fc.property(fc.constantFrom(...PHASES), fc.integer({ min: 1, max: 99 }), (phase, epoch) => {
        const at = inPhase(phase);
        const state = { ...at, record: { ...at.record, epoch } };
        const epochs = instanceNames(state.record.spec).map((name) => instanceProxy(state, name)!.local!.writableEpoch);
        const writable = epochs.filter((each) => each !== 0);
        expect(writable.length).toBe(phase.kind === 'fencing' ? 0 : 1);
        for (const each of writable) expect(each).toBe(epoch);
      }),
    );
  });

  it('does not replicate from itself', () => {
    const targets = (name: string) =>
      instanceProxy(buildCluster(), name)!
        .routes.find(({ kind }) => kind === 'replication')!
        .endpoints.map(({ instance }) => instance);
    expect(targets('orders-1')).toEqual([]);
    expect(targets('orders-2')).toEqual(['orders-1']);
  });

  it('has no proxy while its place is unknown', () => {
    const state = initialState(buildRecord({ placements: {} }), 0);
    expect(instanceProxy(state, 'orders-1')).toBeUndefined();
    expect(gatewayRoutes(state).every(({ endpoints }) => endpoints.length === 0)).toBe(true);
  });
});

describe('reads', () => {
  it('go to the standbys, and to the primary as the last resort', () => {
    const state = buildCluster();
    expect(takes(state, 'ro')).toEqual(['orders-2', 'orders-3']);
    expect(endpointsOf(state, 'ro').at(-1)).toMatchObject({ instance: 'orders-1', lastResort: true });
    const routes = { ...buildSpec().routes, ro: { port: 6433, maxLagBytes: 1, fallback: 'none' as const } };
    const without = buildCluster({ record: { spec: buildSpec({ routes }) } });
    expect(endpointsOf(without, 'ro').some(({ lastResort }) => lastResort)).toBe(false);
  });

  it('keep their place on an instance that this control plane has not heard of', () => {
    const state = initialState(buildRecord(), 0);
    expect(takes(state, 'ro')).toEqual(['orders-2', 'orders-3']);
    expect(takes(state, 'any')).toEqual(['orders-1', 'orders-2', 'orders-3']);
  });

  it('keep the sessions and take no new ones where the agent is gone, or PostgreSQL is no standby that streams', () => {
    const gone = observe(buildCluster(), 5, { kind: 'disconnected', instance: 'orders-2' });
    const silent = report(buildCluster(), 'orders-2', {
      ...{ kind: 'standby', receiveLsn: 2000n, replayLsn: 2000n },
      streaming: false,
    });
    const copying = report(buildCluster(), 'orders-2', { kind: 'creating', how: 'rewind' });
    for (const state of [gone, silent, copying]) {
      expect(takes(state, 'ro')).toEqual(['orders-3']);
      expect(endpointsOf(state, 'ro')[0]).toMatchObject({ instance: 'orders-2', draining: true });
    }
    // While nobody leads, what the standbys have is the newest there is.
    expect(takes(inPhase(PHASES[5]!, silent), 'ro')).toContain('orders-2');
  });

  it('leave out who is too far behind, and give less to who is behind', () => {
    const routes = { ...buildSpec().routes, ro: { port: 6433, maxLagBytes: 1000, fallback: 'none' as const } };
    const weights = (lag: bigint) => {
      const standbys = { 'orders-2': { lsn: 2000n - lag } };
      const [endpoint] = endpointsOf(buildCluster({ standbys, record: { spec: buildSpec({ routes }) } }), 'ro');
      return endpoint!.draining ? 0 : endpoint!.weight;
    };
    expect([0n, 249n, 250n, 500n, 1000n, 1001n].map(weights)).toEqual([128, 128, 64, 16, 16, 0]);
  });
});

describe('the text of what routes follow', () => {
  it('is the same only where the routes are', () => {
    const anyPostgres = fc.constantFrom<PostgresState>(
      buildReport('orders-2').postgres,
      { ...{ kind: 'standby', receiveLsn: 1n, replayLsn: 1n }, streaming: false },
      { kind: 'starting' },
      { kind: 'absent' },
    );
    const lsn = fc.bigInt({ min: 0n, max: 1_200n });
    const routes = { ...buildSpec().routes, ro: { port: 6433, maxLagBytes: 1000, fallback: 'none' as const } };
    const anyState = fc
      .tuple(fc.constantFrom(...PHASES), anyPostgres, lsn, fc.boolean())
      .map(([phase, postgres, at, up]) => {
        const standbys = { 'orders-2': { lsn: 2000n - at }, 'orders-3': { lsn: 2000n } };
        const state = report(buildCluster({ standbys, record: { spec: buildSpec({ routes }) } }), 'orders-3', postgres);
        const seen = up ? state : observe(state, 11, { kind: 'disconnected', instance: 'orders-2' });
        return { ...seen, record: { ...RECORD, spec: seen.record.spec, phase } };
      });
    const proxies = (state: ClusterState) => [
      gatewayRoutes(state),
      ...instanceNames(state.record.spec).map((name) => instanceProxy(state, name)),
    ];
    fc.assert(
      fc.property(anyState, anyState, (a, b) => {
        const c = { ...b, record: a.record };
        if (servingText(a) === servingText(c)) expect(proxies(c)).toEqual(proxies(a));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the publisher', () => {
  function setUp() {
    const published: string[] = [];
    const publish = (node: string) => published.push(node);
    const publisher = new Publisher({ make: () => null, publish, onInvalid: () => {}, later: (action) => action() });
    return { published, publisher };
  }

  it('publishes a configuration once, and again only when it changed', () => {
    const { published, publisher } = setUp();
    publisher.onNode('gateway/a');
    // A store that knows no cluster may have been lost: the gateway keeps what it has.
    expect(published).toEqual([]);
    publisher.onState(buildCluster());
    expect(published.splice(0)).toEqual([
      'gateway/a',
      ...['orders-1', 'orders-2', 'orders-3'].map((name) => `instance/orders/${name}`),
    ]);
    publisher.onState(buildCluster());
    publisher.onNode('gateway/a');
    // What moves with every report and changes no route.
    publisher.onState(report(buildCluster(), 'orders-2', buildReport('orders-2').postgres));
    expect(published).toEqual([]);
    publisher.onState(observe(buildCluster(), 5, { kind: 'disconnected', instance: 'orders-3' }));
    expect(published).toEqual(['gateway/a', ...['1', '2', '3'].map((n) => `instance/orders/orders-${n}`)]);
  });

  it('knows instances by their cluster, not by their proxies', () => {
    const { published, publisher } = setUp();
    publisher.onNode('instance/orders/orders-1');
    expect(published).toEqual([]);
    const [hello] = connection('orders-1');
    publisher.onState(observe(initialState(buildRecord({ placements: {} }), 0), 0, hello!));
    expect(published).toEqual(['instance/orders/orders-1']);
  });
});
