import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelEnvoy } from '../test/support/model-envoy.ts';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { NodeMemory } from './memory.ts';
import type { Resource } from './resource.ts';
import { Session } from './session.ts';
import type { Step, Variant } from './session-types.ts';
import { buildSnapshot, EMPTY_SNAPSHOT, type Snapshot } from './snapshot.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from './type-urls.ts';

/** One route: its cluster's name changes with the epoch, and what is of a bad epoch is refused by the proxy. */
interface Route {
  readonly name: string;
  readonly epoch: number;
  /** Another setting of the cluster, so that it warms again. */
  readonly timeout: number;
  readonly port: number;
  readonly bad: 'none' | 'cluster' | 'endpoints' | 'listener';
}

type Action =
  | { readonly kind: 'snapshot'; readonly routes: readonly Route[] }
  | { readonly kind: 'to-proxy' | 'to-server' | 'settle' | 'reconnect' };

const BAD = 66;
const LISTENER_PORTS: Readonly<Record<string, number>> = { rw: 5000, ro: 5001, any: 5002 };

function snapshotOf(routes: readonly Route[]): Snapshot {
  const clusterOf = (route: Route) => `e${route.epoch}.${route.name}`;
  return buildSnapshot({
    clusters: routes.map((route) =>
      edsCluster(clusterOf(route), { connect_timeout: `${route.bad === 'cluster' ? BAD : route.timeout}s` }),
    ),
    endpoints: routes.map((route) => endpoints(clusterOf(route), route.bad === 'endpoints' ? BAD : route.port)),
    listeners: routes.map((route) =>
      tcpListener(route.name, LISTENER_PORTS[route.name] ?? 0, clusterOf(route), {
        stat_prefix: route.bad === 'listener' ? `t${BAD}` : `t${route.timeout}`,
      }),
    ),
  });
}

const route = (name: string): fc.Arbitrary<Route> =>
  fc.record({
    name: fc.constant(name),
    epoch: fc.integer({ min: 1, max: 3 }),
    timeout: fc.integer({ min: 1, max: 2 }),
    port: fc.integer({ min: 1, max: 2 }),
    bad: fc.oneof(
      { weight: 6, arbitrary: fc.constant('none' as const) },
      { weight: 1, arbitrary: fc.constantFrom('cluster' as const, 'endpoints' as const, 'listener' as const) },
    ),
  });

const routes = fc
  .tuple(fc.option(route('rw')), fc.option(route('ro')), fc.option(route('any')))
  .map((all) => all.filter((one) => one !== null));

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: routes.map((chosen) => ({ kind: 'snapshot' as const, routes: chosen })) },
  { weight: 6, arbitrary: fc.constant({ kind: 'to-proxy' as const }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'to-server' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
);

/** The bytes tell which resources the proxy finds bad. */
const badVersions = new Set(
  [1, 2, 3].flatMap((epoch) =>
    [1, 2].flatMap((timeout) =>
      [1, 2].flatMap((port) =>
        ['rw', 'ro', 'any'].flatMap((name) =>
          (['cluster', 'endpoints', 'listener'] as const).map((bad) => {
            const { sets } = snapshotOf([{ name, epoch, timeout, port, bad }]);
            const type = ({ cluster: CLUSTER_TYPE, endpoints: ENDPOINT_TYPE, listener: LISTENER_TYPE } as const)[bad];
            return [...sets[type].resources.values()][0]!.version;
          }),
        ),
      ),
    ),
  ),
);

class World {
  readonly memory = new NodeMemory();
  readonly envoy: ModelEnvoy;
  readonly sent: string[] = [];
  readonly refused = new Set<string>();
  readonly #variant: Variant;
  #session: Session;
  #snapshot: Snapshot | undefined;
  /** Clusters that any snapshot named: a listener's mention of one of these is a need. */
  readonly #clusterNames = new Set<string>();

  constructor(variant: Variant, wholly: boolean) {
    this.#variant = variant;
    this.#session = this.#newSession();
    this.envoy = new ModelEnvoy({ variant, isBad: (resource: Resource) => badVersions.has(resource.version), wholly });
  }

  #newSession(): Session {
    const { memory } = this;
    return new Session({ memory, variant: this.#variant, aggregated: true, ttl: false, snapshot: this.#snapshot });
  }

  run(step: Action): void {
    switch (step.kind) {
      case 'snapshot':
        this.publish(snapshotOf(step.routes));
        break;
      case 'to-proxy':
        this.envoy.receive();
        break;
      case 'to-server': {
        const request = this.envoy.outbox.shift();
        if (request) this.#apply(this.#session.onRequest(request, { now: 0, wall: 0 }));
        break;
      }
      case 'settle':
        this.settle();
        break;
      case 'reconnect':
        this.#session = this.#newSession();
        this.envoy.connect();
        break;
    }
    this.check();
  }

  publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const name of snapshot.sets[CLUSTER_TYPE].resources.keys()) this.#clusterNames.add(name);
    this.#apply(this.#session.onSnapshot(snapshot, { now: 0, wall: 0 }));
  }

  settle(): void {
    for (let rounds = 0; this.envoy.inbox.length + this.envoy.outbox.length > 0; rounds += 1) {
      if (rounds > 200) throw new Error('the session and the proxy never come to rest');
      this.run({ kind: 'to-proxy' });
      this.run({ kind: 'to-server' });
    }
  }

  #apply(step: Step): void {
    for (const event of step.events) {
      if (event.kind === 'nack') this.refused.add(`${event.type} ${event.rejection.version}`);
    }
    for (const push of step.pushes) {
      const key = `${push.type} ${push.version}`;
      expect(this.refused, 'a refused version is sent again').not.toContain(key);
      const unread = this.envoy.inbox.filter(({ type }) => type === push.type).length;
      expect(unread, 'responses pile up').toBeLessThanOrEqual(push.type === CLUSTER_TYPE ? 1 : 0);
      this.sent.push(key);
      this.envoy.inbox.push(push);
    }
  }

  check(): void {
    for (const listener of this.envoy.listeners.values()) {
      for (const name of listener.mentions) {
        if (!this.#clusterNames.has(name)) continue;
        expect(this.envoy.serves(name), `listener ${listener.name} without its cluster ${name}`).toBe(true);
      }
    }
  }
}

describe.each<Variant>(['sotw', 'delta'])('a session in %s with a proxy that behaves as Envoy does', (variant) => {
  it('never breaks before it makes, never repeats what was refused, and converges', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), routes, fc.boolean(), (actions, healed, wholly) => {
        const world = new World(variant, wholly);
        world.envoy.connect();
        for (const step of actions) world.run(step);
        world.settle();
        // A new epoch, without anything bad, is taken in as it is.
        const good = snapshotOf(healed.map((one) => ({ ...one, epoch: 9, port: 9, bad: 'none' })));
        world.publish(good);
        world.settle();
        const { clusters, endpoints: assignments, listeners } = world.envoy;
        for (const [type, had] of [
          [CLUSTER_TYPE, clusters],
          [ENDPOINT_TYPE, assignments],
          [LISTENER_TYPE, listeners],
        ] as const) {
          expect(new Map([...had].map(([name, { version }]) => [name, version])), type).toEqual(
            new Map([...good.sets[type].resources].map(([name, { version }]) => [name, version])),
          );
        }
        // The same again, and made anew: nothing.
        const sent = world.sent.length;
        world.publish(good);
        world.publish(structuredClone(good));
        expect(world.sent.length).toBe(sent);
      }),
      { numRuns: 2000 },
    );
  });

  it('starts a proxy that is to have nothing', () => {
    const world = new World(variant, false);
    world.envoy.connect();
    world.publish(EMPTY_SNAPSHOT);
    world.settle();
    expect(world.sent.map((key) => key.split(' ')[0])).toEqual([CLUSTER_TYPE, LISTENER_TYPE]);
  });
});
