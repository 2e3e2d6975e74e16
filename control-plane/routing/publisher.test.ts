import { describe, expect, it } from 'vitest';
import { translate } from '../../envoy-config/translate.ts';
import { buildPlacement, buildRecord } from '../../test/support/build-record.ts';
import { buildView } from '../../test/support/build-view.ts';
import { buildSnapshot, InvalidSnapshot, SnapshotCache } from '../../xds/index.ts';
import { clusterStatus } from '../api/cluster-status.ts';
import { type ClusterState, initialState } from '../manager/state.ts';
import { Publisher } from './publisher.ts';

const NODE = 'instance/orders/orders-2';

/** `rwPort`: of the second instance; no listener can have one above 65535. */
function stateWith(rwPort: number): ClusterState {
  const record = buildRecord();
  const placement = buildPlacement(1);
  const placements = { ...record.placements, 'orders-2': { ...placement, ports: { ...placement.ports, rw: rwPort } } };
  return initialState({ ...record, placements }, 0);
}

function setUp() {
  const cache = new SnapshotCache();
  const made: string[] = [];
  const logged: { node: string; error: unknown }[] = [];
  const publisher = new Publisher({
    make(ir) {
      made.push(ir.node);
      return buildSnapshot(translate(ir));
    },
    publish: (node, snapshot) => cache.set(node, snapshot),
    onInvalid: (node, error) => logged.push({ node, error }),
    later: (action) => action(),
  });
  const configValid = (state: ClusterState) => {
    const view = buildView({ record: state.record });
    return clusterStatus(view, [], publisher.invalid).conditions.find(({ type }) => type === 'ConfigValid');
  };
  return { cache, made, logged, publisher, configValid };
}

describe('a configuration that cannot be valid', () => {
  it('is not published: the last good one stays, the others go on, and the cluster says so until it is mended', () => {
    const { cache, made, logged, publisher, configValid } = setUp();
    const good = stateWith(7010);
    publisher.onState(good);
    expect(configValid(good)?.status).toBe('True');
    const before = cache.get(NODE);

    const bad = stateWith(70_000);
    publisher.onState(bad);
    expect(cache.get(NODE)).toBe(before);
    expect(logged).toEqual([{ node: NODE, error: expect.any(InvalidSnapshot) }]);
    expect(configValid(bad)).toEqual({
      type: 'ConfigValid',
      status: 'False',
      message:
        `not published, the last good one goes on: ${NODE}: ` +
        'Listener rw.orders $.address.socket_address.port_value: must be at most 65535, not 70000',
    });

    // The same again is not tried again, and a change elsewhere does not hide it.
    const tries = made.length;
    publisher.onState(bad);
    expect(made).toHaveLength(tries);
    publisher.onState({ ...bad, record: { ...bad.record, epoch: 2 } });
    expect(cache.get('instance/orders/orders-1')).not.toBe(before);
    expect(configValid(bad)?.status).toBe('False');

    publisher.onState(good);
    expect(publisher.invalid).toEqual([]);
    expect(configValid(good)?.status).toBe('True');
  });

  it('of a gateway is shown with every cluster, of an instance only with its own', () => {
    const { publisher, configValid } = setUp();
    publisher.onNode('gateway/app');
    const spec = { ...buildRecord().spec, routes: { ...buildRecord().spec.routes, rw: { port: 70_000 } } };
    const state = stateWith(70_000);
    publisher.onState({ ...state, record: { ...state.record, spec } });
    expect(publisher.invalid.map(({ id }) => id)).toEqual(['gateway/app', NODE]);
    const other = buildRecord({ spec: { ...buildRecord().spec, name: 'users' } });
    const message = configValid({ ...state, record: other })?.message;
    expect(message).toContain('gateway/app');
    expect(message).not.toContain(NODE);
  });
});

describe('many gateways', () => {
  it('have one configuration, which is made once', () => {
    const { cache, made, publisher } = setUp();
    const nodes = Array.from({ length: 5 }, (_, index) => `gateway/app-${index + 1}`);
    const state = stateWith(7010);
    publisher.onState(state);
    made.length = 0;
    for (const node of nodes) publisher.onNode(node);
    expect(made).toEqual(['gateway/app-1']);

    // One that could not bind a port has its own, and the others go on to share theirs.
    publisher.offerAnew('gateway/app-3', ['rw.orders']);
    const before = cache.get('gateway/app-1');
    expect(cache.get('gateway/app-3')).not.toBe(before);

    made.length = 0;
    publisher.onState({ ...state, record: { ...state.record, epoch: 2 } });
    expect(made.filter((node) => node.startsWith('gateway/'))).toEqual([
      'gateway/app-1',
      'gateway/app-3',
      'gateway/app-4',
    ]);
    const after = cache.get('gateway/app-1');
    expect(after).not.toBe(before);
    expect(nodes.map((node) => cache.get(node)?.sets)).toEqual(
      nodes.map((_, index) => (index === 2 ? expect.anything() : after?.sets)),
    );
  });
});
