/** Behaviours of a proxy that comes back with what it had. */
import assert from 'node:assert/strict';
import { ALL, behaviour, type Chapter, DELTA, SOTW } from './behaviour.ts';
import { type Answer, namesIn, type RawProxy } from './client.ts';
import { Stage } from './stage.ts';
import { CLUSTERS, contentOf, ENDPOINTS, type Kind, LISTENERS } from './types.ts';

/** Takes the next response, and waits until the server knows: an answer that is lost with the stream says nothing. */
async function accepted(stage: Stage, proxy: RawProxy, kind: Kind): Promise<Answer> {
  const answer = await proxy.take(kind);
  await stage.acknowledged(answer);
  return answer;
}

export const reconnection: Chapter = {
  title: 'Coming back',
  behaviours: [
    behaviour('a proxy that comes back without a version is sent everything', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.disconnect();
      proxy.ask(CLUSTERS, { fields: stage.variant.delta ? {} : { version_info: '' } });
      assert.deepEqual(namesIn(await proxy.take(CLUSTERS)), ['a']);
    }),
    ...[CLUSTERS, LISTENERS].map((kind) =>
      behaviour(
        `a proxy that comes back with the current version of all ${kind.key} is sent none`,
        SOTW,
        async (stage) => {
          stage.publish({ [kind.key]: { a: 1, b: 1 } });
          const proxy = stage.connect();
          proxy.ask(kind);
          await stage.acknowledged(await proxy.take(kind));
          proxy.disconnect();
          proxy.ask(kind);
          await stage.quiet(proxy);
          stage.publish({ [kind.key]: { a: 2, b: 1 } });
          assert.deepEqual(namesIn(await proxy.take(kind)), ['a', 'b']);
        },
      ),
    ),
    behaviour('a proxy that comes back with an older version is sent the current one', SOTW, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.disconnect();
      stage.publish({ clusters: { a: 2 } });
      proxy.ask(CLUSTERS);
      assert.equal((await proxy.take(CLUSTERS)).resources.get('a')?.connect_timeout, '2s');
    }),
    behaviour('a version that was never given is no reason to send nothing', SOTW, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { fields: { version_info: 'of another server' } });
      assert.deepEqual(namesIn(await proxy.take(CLUSTERS)), ['a']);
    }),
    behaviour('a proxy that comes back for other endpoints is sent them whatever its version', SOTW, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      await stage.acknowledged(await proxy.take(ENDPOINTS));
      proxy.disconnect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      assert.ok((await proxy.take(ENDPOINTS)).resources.has('b'));
    }),
    behaviour('a response that was not answered before the stream broke is sent again', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const first = await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 2 } });
      await proxy.next(CLUSTERS);
      proxy.disconnect();
      const initial_resource_versions = first.versions;
      proxy.ask(CLUSTERS, { fields: stage.variant.delta ? { initial_resource_versions } : {} });
      assert.equal((await proxy.take(CLUSTERS)).resources.get('a')?.connect_timeout, '2s');
    }),
    behaviour('what a proxy refused is not sent again after it came back', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 2, b: 1 } });
      proxy.nack(await proxy.next(ENDPOINTS), 'a: no');
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      await stage.quiet(proxy);
      proxy.disconnect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      const answer = await proxy.take(ENDPOINTS);
      assert.deepEqual(answer.resources.get('a'), contentOf(ENDPOINTS, 'a', 1));
    }),
    ...[CLUSTERS, ENDPOINTS].map((kind) =>
      behaviour(`${kind.key} of which the proxy has the versions are not sent`, DELTA, async (stage) => {
        stage.publish({ [kind.key]: { a: 1, b: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind, { add: ['a', 'b'] });
        const { versions } = await accepted(stage, proxy, kind);
        proxy.disconnect();
        proxy.ask(kind, { add: ['a', 'b'], fields: { initial_resource_versions: versions } });
        await stage.barrier(proxy);
        for (const answer of proxy.waiting.splice(0)) {
          assert.deepEqual([namesIn(answer), answer.removed], [[], []]);
          proxy.ack(answer);
        }
        stage.publish({ [kind.key]: { a: 1, b: 2 } });
        assert.deepEqual(namesIn(await proxy.take(kind)), ['b']);
      }),
    ),
    behaviour('of what the proxy has, what changed meanwhile is sent and what went is named', DELTA, async (stage) => {
      stage.publish({ clusters: { a: 1, b: 1, c: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const { versions } = await accepted(stage, proxy, CLUSTERS);
      proxy.disconnect();
      stage.publish({ clusters: { a: 1, b: 2, d: 1 } });
      proxy.ask(CLUSTERS, { fields: { initial_resource_versions: versions } });
      const answer = await proxy.take(CLUSTERS);
      assert.deepEqual([namesIn(answer), answer.removed], [['b', 'd'], ['c']]);
      await stage.quiet(proxy);
    }),
    behaviour('what the proxy has by name and what is not there any more is named as removed', DELTA, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      const { versions } = await accepted(stage, proxy, ENDPOINTS);
      proxy.disconnect();
      stage.publish({ endpoints: { a: 1 } });
      proxy.ask(ENDPOINTS, { add: ['a', 'b'], fields: { initial_resource_versions: versions } });
      const answer = await proxy.take(ENDPOINTS);
      assert.deepEqual([namesIn(answer), answer.removed], [[], ['b']]);
    }),
    behaviour('versions that the proxy has and did not ask for bring nothing', DELTA, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'], fields: { initial_resource_versions: { b: 'old' } } });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['a']);
      await stage.quiet(proxy);
    }),
    behaviour('versions count in the first request of a type only', DELTA, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const before = stage.connect();
      before.ask(ENDPOINTS, { add: ['a', 'b'] });
      const { versions } = await before.take(ENDPOINTS);
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { add: ['b'], fields: { initial_resource_versions: versions } });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
    }),
    behaviour('another server with the same content sends none of it again', ALL, async (stage) => {
      const contents = { clusters: { a: 1, b: 1 } };
      stage.publish(contents);
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const { version, versions } = await proxy.take(CLUSTERS);
      await using second = await Stage.open(stage.variant);
      second.publish(contents);
      const back = second.connect();
      back.ask(CLUSTERS, {
        fields: stage.variant.delta ? { initial_resource_versions: versions } : { version_info: version },
      });
      await second.barrier(back);
      for (const answer of back.waiting.splice(0)) assert.deepEqual([namesIn(answer), answer.removed], [[], []]);
    }),
  ],
};
