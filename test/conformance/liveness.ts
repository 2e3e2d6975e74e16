/** Behaviours of resources that live for a time, and of limits. */
import assert from 'node:assert/strict';
import { status as grpc } from '@grpc/grpc-js';
import type { JsonObject } from '../../proto/json.ts';
import { ALL, behaviour, type Chapter, DELTA, SOTW } from './behaviour.ts';
import type { RawProxy } from './client.ts';
import { CLUSTERS, contentOf, ENDPOINTS, type Kind, RUNTIMES } from './types.ts';

const SUPPORTS_TTL = 'xds.config.supports-resource-ttl';
const SUPPORTS_WRAPPED = 'xds.config.supports-resource-in-sotw';

/** What a first request says of what the proxy can. */
function able({ node }: RawProxy, ...client_features: string[]): JsonObject {
  return { node: { id: node, client_features } };
}

const mortal = (kind: Kind, variation: number, ttlMs: number) => ({ resource: kind.make('a', variation), ttlMs });

export const liveness: Chapter = {
  title: 'Times to live and limits',
  behaviours: [
    behaviour('a time to live is told to a proxy that can use it', ALL, async (stage) => {
      stage.publish({ runtimes: { a: mortal(RUNTIMES, 1, 60_000), b: 1 } });
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['a', 'b'], fields: able(proxy, SUPPORTS_TTL, SUPPORTS_WRAPPED) });
      const answer = await proxy.take(RUNTIMES);
      assert.deepEqual(answer.ttls, { a: '60s' });
      assert.deepEqual(answer.resources.get('a'), contentOf(RUNTIMES, 'a', 1));
      assert.deepEqual(answer.resources.get('b'), contentOf(RUNTIMES, 'b', 1));
    }),
    behaviour(
      'before the time is over a heartbeat comes, with the version and without the content',
      ALL,
      async (stage) => {
        stage.publish({ runtimes: { a: mortal(RUNTIMES, 1, 200), b: 1 } });
        const proxy = stage.connect();
        proxy.ask(RUNTIMES, { add: ['a', 'b'], fields: able(proxy, SUPPORTS_TTL, SUPPORTS_WRAPPED) });
        const { versions } = await proxy.take(RUNTIMES);
        for (let beat = 0; beat < 3; beat += 1) {
          const answer = await proxy.take(RUNTIMES);
          assert.deepEqual([answer.heartbeats, [...answer.resources.keys()]], [['a'], []]);
          assert.deepEqual(answer.ttls, { a: '0.2s' });
          assert.equal(answer.versions.a, versions.a);
        }
      },
    ),
    behaviour('after heartbeats a change is sent as always', ALL, async (stage) => {
      stage.publish({ runtimes: { a: mortal(RUNTIMES, 1, 200) } });
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['a'], fields: able(proxy, SUPPORTS_TTL, SUPPORTS_WRAPPED) });
      await proxy.take(RUNTIMES);
      assert.deepEqual((await proxy.take(RUNTIMES)).heartbeats, ['a']);
      stage.publish({ runtimes: { a: mortal(RUNTIMES, 2, 60_000) } });
      let answer = await proxy.take(RUNTIMES);
      if (answer.heartbeats.length > 0) answer = await proxy.take(RUNTIMES);
      assert.deepEqual([answer.resources.get('a'), answer.ttls], [contentOf(RUNTIMES, 'a', 2), { a: '60s' }]);
    }),
    behaviour('a time to live that is taken back is told by the resource without it', ALL, async (stage) => {
      stage.publish({ runtimes: { a: mortal(RUNTIMES, 1, 60_000) } });
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['a'], fields: able(proxy, SUPPORTS_TTL, SUPPORTS_WRAPPED) });
      await proxy.take(RUNTIMES);
      stage.publish({ runtimes: { a: 1 } });
      const answer = await proxy.take(RUNTIMES);
      assert.deepEqual([answer.resources.get('a'), answer.ttls], [contentOf(RUNTIMES, 'a', 1), {}]);
    }),
    behaviour('a heartbeat of one cluster leaves the others', SOTW, async (stage) => {
      stage.publish({ clusters: { a: mortal(CLUSTERS, 1, 200), b: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { fields: able(proxy, SUPPORTS_TTL, SUPPORTS_WRAPPED) });
      await proxy.take(CLUSTERS);
      const answer = await proxy.take(CLUSTERS);
      assert.deepEqual([...answer.resources.keys(), ...answer.heartbeats].sort(), ['a', 'b']);
    }),
    behaviour('a proxy that does not say that it can use a time to live is told none', ALL, async (stage) => {
      stage.publish({ runtimes: { a: mortal(RUNTIMES, 1, 60_000) } });
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['a'] });
      const answer = await proxy.take(RUNTIMES);
      assert.deepEqual([answer.resources.get('a'), answer.ttls], [contentOf(RUNTIMES, 'a', 1), {}]);
    }),
    behaviour('a proxy that can use no wrapped resource is told no time to live', SOTW, async (stage) => {
      stage.publish({ runtimes: { a: mortal(RUNTIMES, 1, 60_000) } });
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['a'], fields: able(proxy, SUPPORTS_TTL) });
      const answer = await proxy.take(RUNTIMES);
      assert.deepEqual([answer.resources.get('a'), answer.ttls], [contentOf(RUNTIMES, 'a', 1), {}]);
    }),
    behaviour('in delta no other feature is needed for a time to live', DELTA, async (stage) => {
      stage.publish({ runtimes: { a: mortal(RUNTIMES, 1, 60_000) } });
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['a'], fields: able(proxy, SUPPORTS_TTL) });
      assert.deepEqual((await proxy.take(RUNTIMES)).ttls, { a: '60s' });
    }),
    behaviour('more names than the server takes are refused with RESOURCE_EXHAUSTED', ALL, async (stage) => {
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: Array.from({ length: 20_001 }, (_, index) => `e${index}`) });
      assert.equal((await proxy.stream(ENDPOINTS).ended()).code, grpc.RESOURCE_EXHAUSTED);
    }),
  ],
};
