import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../proto/json.ts';
import type { EndpointIr, ProxyIr, RouteIr } from './ir.ts';
import { translate } from './translate.ts';

const zone = fc.constantFrom('', 'a', 'b', 'c');

const endpoint: fc.Arbitrary<EndpointIr> = fc.record(
  {
    instance: fc.constantFrom('one', 'two', 'three', 'four', 'five'),
    host: fc.ipV4(),
    port: fc.nat(65_535),
    healthPort: fc.nat(65_535),
    zone,
    weight: fc.integer({ min: 1, max: 128 }),
    lastResort: fc.boolean(),
    draining: fc.boolean(),
  },
  { requiredKeys: ['instance', 'host', 'port', 'healthPort', 'zone', 'weight'] },
);

function endpoints(maxLength: number) {
  return fc.uniqueArray(endpoint, { maxLength, selector: ({ instance }) => instance });
}

const route: fc.Arbitrary<RouteIr> = fc
  .constantFrom('rw' as const, 'ro' as const, 'any' as const, 'replication' as const)
  .chain((kind) => {
    const pinned = kind === 'rw' || kind === 'replication';
    return fc.record({
      cluster: fc.constantFrom('orders', 'invoices', 'users'),
      kind: fc.constant(kind),
      bind: fc.record({ host: fc.constant('127.0.0.1'), port: fc.nat(65_535) }),
      epoch: pinned ? fc.integer({ min: 1, max: 99 }) : fc.constant(0),
      endpoints: endpoints(pinned ? 1 : 5),
      maxLagBytes: fc.nat(),
    });
  });

const proxy: fc.Arbitrary<ProxyIr> = fc.record({
  node: fc.constant('gateway/main'),
  zone,
  routes: fc.uniqueArray(route, { maxLength: 8, selector: ({ kind, cluster }) => `${kind}.${cluster}` }),
  local: fc.option(
    fc.record({
      cluster: fc.constant('orders'),
      instance: fc.constant('one'),
      host: fc.constant('10.0.0.1'),
      meshPort: fc.nat(65_535),
      meshRwPort: fc.nat(65_535),
      socketPath: fc.constant('/run/.s.PGSQL.5432'),
      writableEpoch: fc.nat(99),
    }),
  ),
});

function names(resources: readonly JsonObject[]): string[] {
  return resources.map((resource) => String(resource.name ?? resource.cluster_name));
}

/** All objects within a value that have the field. */
function having(value: unknown, field: string): JsonObject[] {
  if (typeof value !== 'object' || value === null) return [];
  const within = Object.values(value).flatMap((inner) => having(inner, field));
  return field in value ? [value as JsonObject, ...within] : within;
}

function check(property: (ir: ProxyIr, resources: ReturnType<typeof translate>) => void): void {
  fc.assert(fc.property(proxy, (ir) => property(ir, translate(ir))));
}

describe('translate', () => {
  it('gives the same bytes for the same IR, whatever the order of its routes and endpoints', () => {
    fc.assert(
      fc.property(proxy, fc.infiniteStream(fc.nat()), (ir, random) => {
        const shuffled = <T>(items: readonly T[]) =>
          items
            .map((item) => ({ item, key: random.next().value }))
            .toSorted((left, right) => left.key - right.key)
            .map(({ item }) => item);
        const routes = shuffled(ir.routes).map((each) => ({ ...each, endpoints: shuffled(each.endpoints) }));
        expect(JSON.stringify(translate({ ...ir, routes }))).toBe(JSON.stringify(translate(ir)));
      }),
    );
  });

  it('names every resource once', () => {
    check((_, resources) => {
      for (const kind of Object.values(resources)) expect(new Set(names(kind)).size).toBe(kind.length);
    });
  });

  it('leads every listener to an EnvoyCluster, and no EnvoyCluster is without a listener', () => {
    check((_, { clusters, listeners }) => {
      const used = having(listeners, 'cluster').map(({ cluster }) => String(cluster));
      expect(new Set(used)).toEqual(new Set(names(clusters)));
    });
  });

  it('assigns endpoints to every EnvoyCluster of type EDS and to no other', () => {
    check((_, { clusters, endpoints: assignments }) => {
      expect(names(assignments)).toEqual(names(clusters.filter(({ type }) => type === 'EDS')));
    });
  });

  it('gives rw and replication at most one endpoint, and the others all of theirs', () => {
    check((ir, { endpoints: assignments }) => {
      for (const assignment of assignments) {
        const count = having(assignment, 'endpoint').length;
        if (/^e\d+\./.test(String(assignment.cluster_name))) expect(count).toBeLessThanOrEqual(1);
      }
      const all = ir.routes.flatMap((each) => each.endpoints).length;
      expect(having(assignments, 'endpoint').length).toBe(all);
    });
  });

  it('numbers priorities without a hole, and a last resort never shares one', () => {
    check((ir, { endpoints: assignments }) => {
      for (const assignment of assignments) {
        const used = having(assignment, 'lb_endpoints').map(({ priority }) => Number(priority ?? 0));
        const distinct = [...new Set(used)].toSorted((left, right) => left - right);
        expect(distinct).toEqual(distinct.map((_, index) => index));
        const owner = ir.routes.find((each) =>
          String(assignment.cluster_name).endsWith(`${each.kind}.${each.cluster}`),
        )!;
        const usual = owner.endpoints.filter(({ lastResort }) => !lastResort);
        if (usual.length < owner.endpoints.length && usual.length > 0) expect(distinct.length).toBeGreaterThan(1);
      }
    });
  });

  it('changes the listener of rw and nothing else of it when the epoch changes', () => {
    fc.assert(
      fc.property(proxy, (ir) => {
        const later = { ...ir, routes: ir.routes.map((each) => (each.kind === 'rw' ? { ...each, epoch: 100 } : each)) };
        const [before, after] = [translate(ir), translate(later)];
        expect(names(after.listeners)).toEqual(names(before.listeners));
        const changed = after.listeners.filter((listener, index) => {
          const { filter_chains: _now, ...now } = listener;
          const { filter_chains: _was, ...was } = before.listeners[index]!;
          expect(now).toEqual(was);
          return JSON.stringify(listener) !== JSON.stringify(before.listeners[index]);
        });
        expect(names(changed)).toEqual(
          ir.routes
            .filter(({ kind }) => kind === 'rw')
            .map(({ cluster }) => `rw.${cluster}`)
            .toSorted(),
        );
      }),
    );
  });

  it('leads to an epoch that was prepared with nothing but the listener', () => {
    check((ir, usual) => {
      const change = (to: (route: RouteIr) => Partial<RouteIr>) =>
        translate({ ...ir, routes: ir.routes.map((each) => (each.epoch > 0 ? { ...each, ...to(each) } : each)) });
      const prepared = change(({ epoch }) => ({ nextEpoch: epoch + 1 }));
      expect(prepared.listeners).toEqual(usual.listeners);
      expect(prepared.clusters).toEqual(expect.arrayContaining([...usual.clusters]));
      expect(prepared.endpoints).toEqual(expect.arrayContaining([...usual.endpoints]));

      const moved = change(({ epoch }) => ({ epoch: epoch + 1, endpoints: [] }));
      expect(prepared.clusters).toEqual(expect.arrayContaining([...moved.clusters]));
      expect(prepared.endpoints).toEqual(expect.arrayContaining([...moved.endpoints]));
    });
  });

  it('opens the port for writes of other proxies only while the instance is primary', () => {
    check((ir, { listeners }) => {
      const open = names(listeners).filter((name) => name.startsWith('mesh-rw'));
      const epoch = ir.local?.writableEpoch ?? 0;
      expect(open).toEqual(epoch === 0 ? [] : [`mesh-rw.e${epoch}`]);
    });
  });

  const orders: RouteIr = {
    cluster: 'orders',
    kind: 'rw',
    bind: { host: '127.0.0.1', port: 5432 },
    epoch: 42,
    endpoints: [],
    maxLagBytes: 0,
  };
  const one = { instance: 'one', host: '10.0.0.1', port: 7002, healthPort: 7009, zone: '', weight: 1 };

  it.each([
    ['two primaries', [{ ...orders, endpoints: [one, { ...one, instance: 'two' }] }], 'two primaries in epoch 42'],
    ['two routes of one name', [orders, { ...orders, epoch: 43 }], 'two routes are named rw.orders'],
  ])('refuses %s', (_, routes, message) => {
    expect(() => translate({ node: 'gateway/main', zone: '', routes, local: null })).toThrow(message);
  });
});
