import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../control-plane/api/document/index.ts';
import { captureRejection } from '../../test/support/capture-error.ts';
import { type GivenCluster, type PlaceTools, place, withPorts } from './place.ts';
import { FIRST_PORT, LAST_PORT, PortAllocator } from './ports.ts';

function given(name: string, routes = '{}', instances = 2): GivenCluster {
  const file = `${name}.yaml`;
  const text = `apiVersion: howdah.dev/v1alpha1\nkind: PostgresCluster\nmetadata: { name: ${name} }\nspec: { instances: ${instances}, routes: ${routes} }\n`;
  const { clusters, problems } = parseDocuments(text, file);
  expect(problems).toEqual([]);
  return { spec: clusters[0]!, file, line: () => 4 };
}

function tools(taken: readonly number[] = [], start = 0): PlaceTools {
  return {
    allocator: new PortAllocator(
      async (port) => !taken.includes(port),
      () => start,
    ),
    socketDirectory: (_cluster, instance) => `/sockets/${instance}`,
  };
}

function allPorts(value: unknown): number[] {
  if (typeof value === 'number') return value > 1 ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(allPorts) : [];
}

const ONE_WITH_FILE = { controlPlanes: 1, store: 'file' } as const;

describe('place', () => {
  it('gives every listener a port of its own', async () => {
    const { placements, problems } = await place(
      [given('orders'), given('billing')],
      undefined,
      tools(),
      ONE_WITH_FILE,
    );
    const ports = allPorts(placements);
    expect(problems).toEqual([]);
    expect(ports).toHaveLength(2 + 2 * (3 + 2 * 7));
    expect(new Set(ports).size).toBe(ports.length);
    expect(ports.every((port) => port >= FIRST_PORT && port <= LAST_PORT)).toBe(true);
  });

  it('keeps what it chose, but for ports that are taken meanwhile', async () => {
    const first = (await place([given('orders')], undefined, tools(), ONE_WITH_FILE)).placements;
    const again = (await place([given('orders')], first, tools([], 0.5), ONE_WITH_FILE)).placements;
    expect(again).toEqual(first);
    const lost = first.clusters.orders!.instances['orders-1']!.ports.mesh;
    const third = (await place([given('orders')], first, tools([lost], 0.5), ONE_WITH_FILE)).placements;
    expect(third.clusters.orders!.instances['orders-1']!.ports.mesh).not.toBe(lost);
    expect(third.clusters.orders!.instances['orders-2']).toEqual(first.clusters.orders!.instances['orders-2']);
  });

  it('adds instances beside those that are there', async () => {
    const first = (await place([given('orders')], undefined, tools(), ONE_WITH_FILE)).placements;
    const grown = (await place([given('orders', '{}', 3)], first, tools(), ONE_WITH_FILE)).placements;
    expect(grown.clusters.orders!.instances).toMatchObject(first.clusters.orders!.instances);
    expect(Object.keys(grown.clusters.orders!.instances)).toEqual(['orders-1', 'orders-2', 'orders-3']);
  });

  it("takes the user's ports, and never chooses one of them for something else", async () => {
    const own = given('orders', `{ rw: { port: ${FIRST_PORT + 1} } }`);
    const { placements } = await place([given('billing'), own], undefined, tools(), ONE_WITH_FILE);
    expect(placements.clusters.orders!.routes.rw).toBe(FIRST_PORT + 1);
    expect(allPorts(placements).filter((port) => port === FIRST_PORT + 1)).toHaveLength(1);
    expect(withPorts(own.spec, placements.clusters.orders!).routes.rw.port).toBe(FIRST_PORT + 1);
  });

  it("tells of every port of the user's that is taken", async () => {
    const one = given('orders', '{ rw: { port: 6432 }, any: { port: 6434 } }');
    const other = given('billing', '{ ro: { port: 6434 } }');
    const { problems } = await place([one, other], undefined, tools([6432]), ONE_WITH_FILE);
    expect(problems).toEqual([
      {
        file: 'orders.yaml',
        line: 4,
        path: 'spec.routes.rw.port',
        message: 'port 6432 is taken by another program: choose another one, or 0 to have a free one chosen',
      },
      {
        file: 'billing.yaml',
        line: 4,
        path: 'spec.routes.ro.port',
        message:
          'port 6434 is already given to any of cluster orders: choose another one, or 0 to have a free one chosen',
      },
    ]);
  });
});

describe('PortAllocator', () => {
  it('goes on at the first port after the last', async () => {
    const allocator = new PortAllocator(
      async () => true,
      () => 0.99999,
    );
    expect([await allocator.takeOr(undefined), await allocator.takeOr(undefined)]).toEqual([LAST_PORT, FIRST_PORT]);
  });

  it('says when there is no free port', async () => {
    const allocator = new PortAllocator(
      async () => false,
      () => 0,
    );
    expect(await captureRejection(allocator.takeOr(undefined))).toMatchObject({
      code: 'resource-exhausted',
      message: 'no TCP port from 20000 to 31999 is free on 127.0.0.1',
    });
  });
});
