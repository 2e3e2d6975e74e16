/** Behaviours of names: which resources a proxy asks for, and which it gets. */
import assert from 'node:assert/strict';
import { ALL, behaviour, type Chapter, DELTA, SOTW } from './behaviour.ts';
import { type Answer, namesIn, type RawProxy } from './client.ts';
import type { Stage } from './stage.ts';
import { CLUSTERS, contentOf, ENDPOINTS, KINDS, LISTENERS } from './types.ts';

/** A response holds what changed, or where the variant and the type want it so, all that is asked for. */
function brings(stage: Stage, answer: Answer, changed: readonly string[], all: readonly string[]): void {
  const full = answer.kind.fullState && !stage.variant.delta;
  assert.deepEqual(namesIn(answer), [...(full ? all : changed)].sort());
  assert.deepEqual(answer.repeated, []);
}

/** Changes each cluster in turn; answers which of them the proxy is told of. */
async function toldOf(stage: Stage, proxy: RawProxy, names: readonly string[]): Promise<string[]> {
  const told: string[] = [];
  const contents = Object.fromEntries(names.map((name) => [name, 1]));
  for (const name of names) {
    contents[name] = 7;
    stage.publish({ clusters: contents });
    await stage.barrier(proxy);
    for (const answer of proxy.waiting.splice(0)) {
      told.push(name);
      proxy.ack(answer);
    }
  }
  await stage.quiet(proxy);
  return told;
}

const ABC = { a: 1, b: 1, c: 1 };

export const subscriptions: Chapter = {
  title: 'Names and wildcards',
  behaviours: [
    ...[CLUSTERS, LISTENERS].map((kind) =>
      behaviour(`naming no ${kind.key} at first means all of them`, ALL, async (stage) => {
        stage.publish({ [kind.key]: ABC });
        const proxy = stage.connect();
        proxy.ask(kind);
        assert.deepEqual(namesIn(await proxy.take(kind)), ['a', 'b', 'c']);
        await stage.quiet(proxy);
      }),
    ),
    behaviour('naming nothing still means everything in later requests', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS);
      await stage.quiet(proxy);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a', 'b', 'c']);
    }),
    behaviour('* means everything', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['*'] });
      assert.deepEqual(namesIn(await proxy.take(CLUSTERS)), ['a', 'b', 'c']);
      stage.publish({ clusters: { ...ABC, d: 1 } });
      brings(stage, await proxy.take(CLUSTERS), ['d'], ['a', 'b', 'c', 'd']);
    }),
    behaviour('* beside names means everything', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['*', 'a'] });
      const answer = await proxy.take(CLUSTERS);
      assert.deepEqual([namesIn(answer), answer.repeated], [['a', 'b', 'c'], []]);
    }),
    behaviour('without * the names beside it stay', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['*', 'a'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { remove: ['*'] });
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a']);
    }),
    behaviour('names after naming nothing end the wildcard', SOTW, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { add: ['a'] });
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a']);
    }),
    behaviour('names after naming nothing leave the wildcard', DELTA, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { add: ['a'] });
      assert.deepEqual(namesIn(await proxy.take(CLUSTERS)), ['a']);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a', 'b', 'c']);
    }),
    behaviour('a wildcard by naming nothing ends by unsubscribing from *', DELTA, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { add: ['a'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { remove: ['*'] });
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a']);
    }),
    behaviour('naming nothing after names asks for nothing', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['a', 'b'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { remove: ['a', 'b'] });
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) {
        assert.deepEqual(namesIn(answer), []);
        proxy.ack(answer);
      }
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), []);
    }),
    behaviour('naming nothing after * asks for nothing', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['*'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { remove: ['*'] });
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), []);
    }),
    behaviour('* again after it ended means everything again', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['*'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { remove: ['*'] });
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      proxy.ask(CLUSTERS, { add: ['*'] });
      assert.deepEqual(namesIn(await proxy.take(CLUSTERS)), ['a', 'b', 'c']);
    }),
    ...KINDS.map((kind) =>
      behaviour(`${kind.key} are sent by name, whole and of their type`, ALL, async (stage) => {
        stage.publish({ [kind.key]: ABC });
        const proxy = stage.connect();
        proxy.ask(kind, { add: ['a', 'c'] });
        const answer = await proxy.take(kind);
        assert.deepEqual([...answer.resources.keys()].sort(), ['a', 'c']);
        for (const [name, content] of answer.resources) {
          assert.deepEqual(content, contentOf(kind, name, 1));
        }
        await stage.quiet(proxy);
        stage.publish({ [kind.key]: { ...ABC, a: 2, b: 2 } });
        const next = await proxy.take(kind);
        brings(stage, next, ['a'], ['a', 'c']);
        assert.deepEqual(next.resources.get('a'), contentOf(kind, 'a', 2));
        await stage.quiet(proxy);
      }),
    ),
    behaviour('a change of what is not asked for sends nothing', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['a', 'b'] });
      await proxy.take(CLUSTERS);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a', 'b']);
    }),
    behaviour('a name more is answered with that resource', ALL, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { add: ['b'] });
      brings(stage, await proxy.take(ENDPOINTS), ['b'], ['a', 'b']);
      await stage.quiet(proxy);
    }),
    behaviour('a cluster more is answered with all that are asked for, or with the one', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['a'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { add: ['b'] });
      brings(stage, await proxy.take(CLUSTERS), ['b'], ['a', 'b']);
    }),
    behaviour('a name in the same request as an acknowledgement counts', ALL, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.ack(await proxy.next(ENDPOINTS), { add: ['b'] });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
    }),
    behaviour('names that leave and names that come in one request both count', ALL, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { add: ['c'], remove: ['a'] });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['c']);
      stage.publish({ endpoints: { ...ABC, a: 2 } });
      await stage.quiet(proxy);
      stage.publish({ endpoints: { ...ABC, a: 2, b: 2, c: 2 } });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b', 'c']);
    }),
    behaviour('a name that left is told nothing more of', ALL, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { remove: ['b'] });
      await stage.quiet(proxy);
      stage.publish({ endpoints: { ...ABC, b: 2 } });
      await stage.quiet(proxy);
    }),
    behaviour('a name that left and comes again is sent again though unchanged', ALL, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { remove: ['b'] });
      await stage.quiet(proxy);
      proxy.ask(ENDPOINTS, { add: ['b'] });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
    }),
    behaviour('a cluster that left and comes again is sent again though unchanged', ALL, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['a', 'b'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { remove: ['b'] });
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      proxy.ask(CLUSTERS, { add: ['b'] });
      assert.ok((await proxy.take(CLUSTERS)).resources.has('b'));
    }),
    behaviour('a name that was sent under a wildcard is sent again when asked for', DELTA, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['*'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { add: ['b'] });
      assert.deepEqual(namesIn(await proxy.take(CLUSTERS)), ['b']);
    }),
    behaviour('a name asked for again while it is asked for is sent again', DELTA, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { add: ['a'] });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['a']);
      await stage.quiet(proxy);
    }),
    behaviour('names twice in a request are as once', ALL, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b', 'a', 'a'] });
      const answer = await proxy.take(ENDPOINTS);
      assert.deepEqual([namesIn(answer), answer.repeated], [['a', 'b'], []]);
      await stage.quiet(proxy);
    }),
    behaviour('the latest of several requests counts', SOTW, async (stage) => {
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.ask(ENDPOINTS, { add: ['b'] });
      proxy.ask(ENDPOINTS, { add: ['c'], remove: ['a'] });
      await stage.quiet(proxy);
      stage.publish({ endpoints: ABC });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b', 'c']);
    }),
    behaviour('the differences of several requests add up', DELTA, async (stage) => {
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.ask(ENDPOINTS, { add: ['b'] });
      proxy.ask(ENDPOINTS, { add: ['c'], remove: ['a'] });
      await stage.quiet(proxy);
      stage.publish({ endpoints: ABC });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b', 'c']);
    }),
    behaviour('unsubscribing alone is answered with nothing', DELTA, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { remove: ['a'] });
      proxy.ask(ENDPOINTS, { remove: ['b'] });
      await stage.quiet(proxy);
    }),
    behaviour('unsubscribing from what was not asked for is ignored', DELTA, async (stage) => {
      stage.publish({ endpoints: ABC });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { remove: ['b', 'never there'] });
      await stage.quiet(proxy);
      stage.publish({ endpoints: { ...ABC, a: 2 } });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['a']);
    }),
    behaviour('unsubscribing from a name that the wildcard covers sends the resource', DELTA, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['*', 'a'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS, { remove: ['a'] });
      const answer = await proxy.take(CLUSTERS);
      assert.deepEqual([namesIn(answer), answer.removed], [['a'], []]);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a', 'b', 'c']);
    }),
    behaviour(
      'unsubscribing from a name that the wildcard does not cover says that it is gone',
      DELTA,
      async (stage) => {
        stage.publish({ clusters: ABC });
        const proxy = stage.connect();
        proxy.ask(CLUSTERS, { add: ['*', 'nowhere'] });
        assert.deepEqual((await proxy.take(CLUSTERS)).removed, ['nowhere']);
        proxy.ask(CLUSTERS, { remove: ['nowhere'] });
        assert.deepEqual((await proxy.take(CLUSTERS)).removed, ['nowhere']);
      },
    ),
    behaviour('a request that names nothing after names is no wildcard', DELTA, async (stage) => {
      stage.publish({ clusters: ABC });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { add: ['a'] });
      await proxy.take(CLUSTERS);
      proxy.ask(CLUSTERS);
      await stage.quiet(proxy);
      assert.deepEqual(await toldOf(stage, proxy, ['a', 'b', 'c']), ['a']);
    }),
    behaviour('a name that nothing has is not answered', SOTW, async (stage) => {
      stage.publish({ endpoints: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['nowhere'] });
      await stage.quiet(proxy);
      proxy.ask(ENDPOINTS, { add: ['a'] });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['a']);
    }),
    behaviour('a name that nothing has is said to be gone', DELTA, async (stage) => {
      stage.publish({ endpoints: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'nowhere'] });
      const answer = await proxy.take(ENDPOINTS);
      assert.deepEqual([namesIn(answer), answer.removed], [['a'], ['nowhere']]);
      await stage.quiet(proxy);
      proxy.ask(ENDPOINTS, { add: ['nor here'] });
      assert.deepEqual((await proxy.take(ENDPOINTS)).removed, ['nor here']);
    }),
    ...[CLUSTERS, ENDPOINTS].map((kind) =>
      behaviour(`${kind.key} asked for before they exist are sent when they do`, ALL, async (stage) => {
        stage.publish({ [kind.key]: { a: 1 } });
        const proxy = stage.connect();
        proxy.ask(kind, { add: ['a', 'later'] });
        await proxy.take(kind);
        await stage.quiet(proxy);
        stage.publish({ [kind.key]: { a: 1, later: 1 } });
        brings(stage, await proxy.take(kind), ['later'], ['a', 'later']);
      }),
    ),
    behaviour('names of any characters are names', ALL, async (stage) => {
      const names = [
        'xdstp://authority/type/a?x=1&y=2#f',
        'äöü 日本 🐘',
        'a*b',
        '__proto__',
        'constructor',
        'a\nb',
        ' ',
      ];
      stage.publish({ endpoints: Object.fromEntries([...names, 'other'].map((name) => [name, 1])) });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: names });
      const answer = await proxy.take(ENDPOINTS);
      assert.deepEqual(namesIn(answer), [...names].sort());
      assert.deepEqual(answer.removed, []);
      await stage.quiet(proxy);
    }),
    behaviour('hundreds of names come at once', ALL, async (stage) => {
      const names = Array.from({ length: 500 }, (_, index) => `e${index}`);
      stage.publish({ endpoints: Object.fromEntries(names.map((name) => [name, 1])) });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: names });
      assert.equal((await proxy.take(ENDPOINTS)).resources.size, 500);
      await stage.quiet(proxy);
    }),
  ],
};
