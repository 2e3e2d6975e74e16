/** Behaviours of resources that change, come and go, and of their versions. */
import assert from 'node:assert/strict';
import { ALL, behaviour, type Chapter, DELTA, SOTW } from './behaviour.ts';
import { namesIn } from './client.ts';
import { CLUSTERS, contentOf, ENDPOINTS, KINDS, LISTENERS, ROUTES, RUNTIMES, SECRETS } from './types.ts';

const partial = KINDS.filter(({ fullState }) => !fullState);

export const changes: Chapter = {
  title: 'Changes and versions',
  behaviours: [
    ...[CLUSTERS, LISTENERS].map((kind) =>
      behaviour(`a change of one of the ${kind.key} sends all of them`, SOTW, async (stage) => {
        stage.publish({ [kind.key]: { a: 1, b: 1, c: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind);
        await proxy.take(kind);
        stage.publish({ [kind.key]: { a: 1, b: 2, c: 1 } });
        assert.deepEqual(namesIn(await proxy.take(kind)), ['a', 'b', 'c']);
      }),
    ),
    ...partial.map((kind) =>
      behaviour(`a change of one of the ${kind.key} sends that one only`, SOTW, async (stage) => {
        stage.publish({ [kind.key]: { a: 1, b: 1, c: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind, { add: ['a', 'b', 'c'] });
        await proxy.take(kind);
        stage.publish({ [kind.key]: { a: 1, b: 2, c: 1 } });
        assert.deepEqual(namesIn(await proxy.take(kind)), ['b']);
      }),
    ),
    ...KINDS.map((kind) =>
      behaviour(`a change of one of the ${kind.key} sends the difference only`, DELTA, async (stage) => {
        stage.publish({ [kind.key]: { a: 1, b: 1, c: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind, { add: ['a', 'b', 'c'] });
        const first = await proxy.take(kind);
        stage.publish({ [kind.key]: { a: 1, b: 2 } });
        const second = await proxy.take(kind);
        assert.deepEqual([namesIn(second), second.removed], [['b'], ['c']]);
        assert.notEqual(second.versions.b, first.versions.b);
        await stage.quiet(proxy);
      }),
    ),
    ...[CLUSTERS, LISTENERS].map((kind) =>
      behaviour(`${kind.key} that are gone are absent from the next response`, SOTW, async (stage) => {
        stage.publish({ [kind.key]: { a: 1, b: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind);
        await proxy.take(kind);
        stage.publish({ [kind.key]: { a: 1 } });
        assert.deepEqual(namesIn(await proxy.take(kind)), ['a']);
        stage.publish({});
        assert.deepEqual(namesIn(await proxy.take(kind)), []);
        await stage.quiet(proxy);
      }),
    ),
    behaviour('endpoints that are gone are said nothing of', SOTW, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 1 } });
      await stage.quiet(proxy);
      stage.publish({ endpoints: { a: 2 } });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['a']);
    }),
    ...[CLUSTERS, ENDPOINTS, ROUTES, SECRETS].map((kind) =>
      behaviour(`${kind.key} that are gone are named as removed`, DELTA, async (stage) => {
        stage.publish({ [kind.key]: { a: 1, b: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind, { add: ['a', 'b'] });
        await proxy.take(kind);
        stage.publish({ [kind.key]: { a: 1 } });
        const answer = await proxy.take(kind);
        assert.deepEqual([namesIn(answer), answer.removed], [[], ['b']]);
        await stage.quiet(proxy);
      }),
    ),
    behaviour('what is gone is said to be gone once', DELTA, async (stage) => {
      stage.publish({ clusters: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 1 } });
      assert.deepEqual((await proxy.take(CLUSTERS)).removed, ['b']);
      stage.publish({ clusters: { a: 2 } });
      assert.deepEqual((await proxy.take(CLUSTERS)).removed, []);
    }),
    ...[CLUSTERS, ENDPOINTS].map((kind) =>
      behaviour(`${kind.key} that are gone and come again are sent again`, ALL, async (stage) => {
        stage.publish({ [kind.key]: { a: 1, b: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind, { add: ['a', 'b'] });
        await proxy.take(kind);
        stage.publish({ [kind.key]: { a: 1 } });
        await stage.barrier(proxy);
        for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
        // Another content, for in state of the world nobody said that the endpoints were gone.
        stage.publish({ [kind.key]: { a: 1, b: 2 } });
        assert.deepEqual((await proxy.take(kind)).resources.get('b'), contentOf(kind, 'b', 2));
      }),
    ),
    behaviour('a node with nothing is answered with nothing, so that it does not wait', ALL, async (stage) => {
      stage.publish({});
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const answer = await proxy.take(CLUSTERS);
      assert.deepEqual([namesIn(answer), answer.removed], [[], []]);
      await stage.quiet(proxy);
    }),
    behaviour('a change of one type sends nothing of another', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 }, endpoints: { e: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(ENDPOINTS, { add: ['e'] });
      await proxy.take(ENDPOINTS);
      stage.publish({ clusters: { a: 2 }, endpoints: { e: 1 } });
      await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 2 }, endpoints: { e: 2 } });
      await proxy.take(ENDPOINTS);
      await stage.quiet(proxy);
    }),
    behaviour('another content has another version', ALL, async (stage) => {
      const versions = new Set<string>();
      const proxy = stage.connect();
      for (let variation = 1; variation <= 5; variation += 1) {
        stage.publish({ clusters: { a: variation } });
        if (variation === 1) proxy.ask(CLUSTERS);
        const answer = await proxy.take(CLUSTERS);
        versions.add(stage.variant.delta ? (answer.versions.a ?? '') : answer.version);
      }
      assert.equal(versions.size, 5);
      assert.ok(!versions.has(''));
    }),
    behaviour('the same content has the same version on every stream, and for every node', ALL, async (stage) => {
      const contents = { clusters: { a: 1, b: 2 } };
      stage.publish(contents, 'node/one');
      stage.publish(contents, 'node/two');
      const proxies = [stage.connect('node/one'), stage.connect('node/two'), stage.connect('node/two')];
      const versions = new Set<string>();
      for (const proxy of proxies) {
        proxy.ask(CLUSTERS);
        const answer = await proxy.take(CLUSTERS);
        versions.add(stage.variant.delta ? JSON.stringify(answer.versions) : answer.version);
      }
      assert.equal(versions.size, 1);
    }),
    behaviour('what a delta response tells of a resource is its name, version and content', DELTA, async (stage) => {
      stage.publish({ secrets: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(SECRETS, { add: ['a'] });
      const { raw } = await proxy.take(SECRETS);
      const resources = raw.resources;
      assert.ok(Array.isArray(resources));
      const { version, ...rest } = resources[0];
      assert.ok(typeof version === 'string' && version !== '');
      assert.deepEqual(rest, { name: 'a', resource: contentOf(SECRETS, 'a', 1) });
    }),
    behaviour('a version that is given with a resource is told, and decides what changed', DELTA, async (stage) => {
      const given = (version: string, variation: number) => ({
        runtimes: { a: { resource: RUNTIMES.make('a', variation), version } },
      });
      stage.publish(given('v1', 1));
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['a'] });
      assert.deepEqual((await proxy.take(RUNTIMES)).versions, { a: 'v1' });
      stage.publish(given('v1', 1));
      await stage.quiet(proxy);
      stage.publish(given('v2', 2));
      assert.deepEqual((await proxy.take(RUNTIMES)).versions, { a: 'v2' });
    }),
  ],
};
