/** Behaviours of several types together: nothing is named before it is there, and nothing goes while it is named. */
import assert from 'node:assert/strict';
import type { JsonObject } from '../../proto/json.ts';
import { edsCluster, httpListener, httpRoutes, tcpListener } from '../support/xds-resources.ts';
import { AGGREGATED, ALL, behaviour, type Chapter } from './behaviour.ts';
import { namesIn } from './client.ts';
import { CLUSTERS, ENDPOINTS, LISTENERS, ROUTES, SECRETS } from './types.ts';

/** A listener before one cluster with its endpoints. */
function mesh(cluster: string, changes: JsonObject = {}) {
  return {
    clusters: { [cluster]: edsCluster(cluster, changes) },
    endpoints: { [cluster]: 1 },
    listeners: { l: tcpListener('l', 5000, cluster) },
  };
}

export const ordering: Chapter = {
  title: 'Make before break',
  behaviours: [
    behaviour(
      'clusters come first, then endpoints, then listeners, in whatever order they are asked for',
      AGGREGATED,
      async (stage) => {
        const proxy = stage.connect();
        proxy.ask(LISTENERS);
        proxy.ask(ENDPOINTS, { add: ['a'] });
        proxy.ask(CLUSTERS);
        await stage.quiet(proxy);
        stage.publish(mesh('a'));
        await proxy.take(CLUSTERS);
        await proxy.take(ENDPOINTS);
        await proxy.take(LISTENERS);
        assert.deepEqual(proxy.arrivals, ['clusters', 'endpoints', 'listeners']);
      },
    ),
    behaviour(
      'a listener waits until the proxy accepted its cluster and the endpoints of that',
      AGGREGATED,
      async (stage) => {
        stage.publish(mesh('a'));
        const proxy = stage.connect();
        proxy.ask(CLUSTERS);
        proxy.ask(LISTENERS);
        const clusters = await proxy.next(CLUSTERS);
        proxy.ask(ENDPOINTS, { add: ['a'] });
        const endpoints = await proxy.next(ENDPOINTS);
        await stage.quiet(proxy);
        proxy.ack(endpoints);
        await stage.quiet(proxy);
        proxy.ack(clusters);
        assert.deepEqual(namesIn(await proxy.take(LISTENERS)), ['l']);
      },
    ),
    behaviour(
      'a listener that moves to a new cluster waits for it, and the old cluster for the listener',
      AGGREGATED,
      async (stage) => {
        stage.publish(mesh('old'));
        const proxy = stage.connect();
        proxy.ask(CLUSTERS);
        await proxy.take(CLUSTERS);
        proxy.ask(ENDPOINTS, { add: ['old'] });
        await proxy.take(ENDPOINTS);
        proxy.ask(LISTENERS);
        await proxy.take(LISTENERS);
        await stage.quiet(proxy);
        stage.publish(mesh('new'));
        const both = await proxy.next(CLUSTERS);
        assert.deepEqual(namesIn(both), stage.variant.delta ? ['new'] : ['new', 'old']);
        assert.deepEqual(both.removed, []);
        await stage.quiet(proxy);
        proxy.ask(ENDPOINTS, { add: ['new'] });
        await proxy.take(ENDPOINTS);
        proxy.ack(both);
        const moved = await proxy.next(LISTENERS);
        await stage.quiet(proxy);
        proxy.ack(moved);
        const rest = await proxy.take(CLUSTERS);
        if (stage.variant.delta) assert.deepEqual([namesIn(rest), rest.removed], [[], ['old']]);
        else assert.deepEqual(namesIn(rest), ['new']);
      },
    ),
    behaviour('a cluster whose listener was refused stays', AGGREGATED, async (stage) => {
      stage.publish(mesh('old'));
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(ENDPOINTS, { add: ['old'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(LISTENERS);
      await proxy.take(LISTENERS);
      stage.publish(mesh('new'));
      const both = await proxy.next(CLUSTERS);
      proxy.ask(ENDPOINTS, { add: ['new'] });
      await proxy.take(ENDPOINTS);
      proxy.ack(both);
      proxy.nack(await proxy.next(LISTENERS), 'l: no');
      await stage.barrier(proxy);
      for (let round = 0; round < 3; round += 1) {
        for (const answer of proxy.waiting.splice(0)) {
          if (answer.kind === CLUSTERS)
            assert.ok(stage.variant.delta ? !answer.removed.includes('old') : answer.resources.has('old'));
          if (answer.kind === LISTENERS) assert.ok(!answer.removed.includes('l'));
          proxy.ack(answer);
        }
        await stage.barrier(proxy);
      }
    }),
    behaviour(
      'a cluster that changes is followed by its endpoints though they did not, so that it gets warm',
      AGGREGATED,
      async (stage) => {
        stage.publish(mesh('a'));
        const proxy = stage.connect();
        proxy.ask(CLUSTERS);
        await proxy.take(CLUSTERS);
        proxy.ask(ENDPOINTS, { add: ['a'] });
        await proxy.take(ENDPOINTS);
        await stage.quiet(proxy);
        stage.publish(mesh('a', { connect_timeout: '9s' }));
        await proxy.next(CLUSTERS);
        assert.deepEqual(namesIn(await proxy.next(ENDPOINTS)), ['a']);
      },
    ),
    behaviour('endpoints alone change without a word of clusters and listeners', AGGREGATED, async (stage) => {
      stage.publish(mesh('a'));
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(ENDPOINTS, { add: ['a'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(LISTENERS);
      await proxy.take(LISTENERS);
      for (let variation = 2; variation < 6; variation += 1) {
        stage.publish({ ...mesh('a'), endpoints: { a: variation } });
        assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['a']);
      }
      await stage.quiet(proxy);
    }),
    behaviour('listeners do not wait for clusters that the proxy never asked for', ALL, async (stage) => {
      stage.publish(mesh('a'));
      const proxy = stage.connect();
      proxy.ask(LISTENERS);
      assert.deepEqual(namesIn(await proxy.take(LISTENERS)), ['l']);
    }),
    behaviour('a refused cluster holds up the listener that names it, and no other', AGGREGATED, async (stage) => {
      stage.publish({ clusters: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(LISTENERS);
      await proxy.take(LISTENERS);
      stage.publish({
        clusters: { a: 1, b: 1, bad: 1 },
        listeners: { la: tcpListener('la', 1, 'a'), lbad: tcpListener('lbad', 2, 'bad') },
      });
      proxy.nack(await proxy.next(CLUSTERS), 'bad: no');
      await stage.barrier(proxy);
      for (let round = 0; round < 3; round += 1) {
        for (const answer of proxy.waiting.splice(0)) {
          assert.ok(!answer.resources.has('lbad') && !answer.resources.has('bad'));
          proxy.ack(answer);
        }
        await stage.barrier(proxy);
      }
      assert.ok(proxy.arrivals.filter((key) => key === 'listeners').length > 1);
    }),
    behaviour(
      'routes come after the clusters that they name and the listeners that name them',
      AGGREGATED,
      async (stage) => {
        const contents = {
          clusters: { a: 1 },
          listeners: { l: httpListener('l', 5000, 'r') },
          routes: { r: httpRoutes('r', 'a') },
        };
        const proxy = stage.connect();
        proxy.ask(ROUTES, { add: ['r'] });
        proxy.ask(LISTENERS);
        proxy.ask(CLUSTERS);
        await stage.quiet(proxy);
        stage.publish(contents);
        const clusters = await proxy.next(CLUSTERS);
        await stage.barrier(proxy);
        // The listener names no cluster itself: it may come before that is accepted, but the routes may not.
        assert.ok(!proxy.arrivals.includes('routes'));
        proxy.ack(clusters);
        await proxy.take(LISTENERS);
        await proxy.take(ROUTES);
        assert.deepEqual(proxy.arrivals, ['clusters', 'listeners', 'routes']);
      },
    ),
    behaviour(
      'a route that moves to a new cluster waits for it, and the old cluster for the route',
      AGGREGATED,
      async (stage) => {
        stage.publish({ clusters: { old: 1 }, routes: { r: httpRoutes('r', 'old') } });
        const proxy = stage.connect();
        proxy.ask(CLUSTERS);
        await proxy.take(CLUSTERS);
        proxy.ask(ROUTES, { add: ['r'] });
        await proxy.take(ROUTES);
        stage.publish({ clusters: { new: 1 }, routes: { r: httpRoutes('r', 'new') } });
        const both = await proxy.next(CLUSTERS);
        assert.deepEqual(both.removed, []);
        if (!stage.variant.delta) assert.deepEqual(namesIn(both), ['new', 'old']);
        await stage.quiet(proxy);
        proxy.ack(both);
        const moved = await proxy.next(ROUTES);
        await stage.quiet(proxy);
        proxy.ack(moved);
        const rest = await proxy.take(CLUSTERS);
        if (stage.variant.delta) assert.deepEqual(rest.removed, ['old']);
        else assert.deepEqual(namesIn(rest), ['new']);
      },
    ),
    behaviour('secrets come when they are asked for, whatever else is under way', AGGREGATED, async (stage) => {
      stage.publish({ ...mesh('a'), secrets: { s: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.next(CLUSTERS);
      // A cluster is not accepted before it has its secrets.
      proxy.ask(SECRETS, { add: ['s'] });
      assert.deepEqual(namesIn(await proxy.take(SECRETS)), ['s']);
    }),
  ],
};
