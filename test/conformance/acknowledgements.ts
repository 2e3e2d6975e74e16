/** Behaviours of acceptance and refusal. */
import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import { AGGREGATED, ALL, behaviour, type Chapter, DELTA, SOTW } from './behaviour.ts';
import { type Answer, namesIn } from './client.ts';
import { NODE, type Stage } from './stage.ts';
import { CLUSTERS, contentOf, ENDPOINTS, type Kind, RUNTIMES } from './types.ts';

async function refused(stage: Stage, kind: Kind) {
  return await until(() => stage.status(kind)?.nacked, { what: 'the refusal to be seen', intervalMs: 1 });
}

function timeoutOf(answer: Answer, name: string): unknown {
  return answer.resources.get(name)?.connect_timeout;
}

export const acknowledgements: Chapter = {
  title: 'Acceptance and refusal',
  behaviours: [
    behaviour('an acknowledgement is noted with its version, and answered with nothing', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const answer = await proxy.take(CLUSTERS);
      const { acked, sent, nacked } = await stage.acknowledged(answer);
      if (!stage.variant.delta) assert.equal(acked?.version, answer.version);
      assert.deepEqual([acked?.version, nacked], [sent?.version, null]);
      await stage.quiet(proxy);
    }),
    behaviour('the same acknowledgement again is answered with nothing', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const answer = await proxy.take(CLUSTERS);
      proxy.ack(answer);
      proxy.ack(answer);
      await stage.quiet(proxy);
      assert.deepEqual(stage.nacks, []);
    }),
    behaviour('a refusal is reported in the words of the proxy', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.nack(await proxy.next(ENDPOINTS), 'a: no such address');
      const { error, resources } = await refused(stage, ENDPOINTS);
      assert.deepEqual([error, resources], ['a: no such address', ['a']]);
      assert.deepEqual(
        stage.nacks.map(({ node, type }) => [node, type]),
        [[NODE, ENDPOINTS.url]],
      );
    }),
    behaviour('what was refused is not sent again, also when something beside it changes', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a', 'b'] });
      await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 2, b: 1 } });
      proxy.nack(await proxy.next(ENDPOINTS), 'a: no');
      await refused(stage, ENDPOINTS);
      await stage.barrier(proxy);
      // The last good one may come again, for it isn't known what the proxy has.
      for (const answer of proxy.waiting.splice(0)) {
        assert.notDeepEqual(answer.resources.get('a'), contentOf(ENDPOINTS, 'a', 2));
        proxy.ack(answer);
      }
      stage.publish({ endpoints: { a: 2, b: 2 } });
      const next = await proxy.take(ENDPOINTS);
      assert.deepEqual(next.resources.get('b'), contentOf(ENDPOINTS, 'b', 2));
      assert.notDeepEqual(next.resources.get('a'), contentOf(ENDPOINTS, 'a', 2));
      await stage.quiet(proxy);
    }),
    behaviour('a refused cluster stays what it was, and the others change', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 2, b: 2 } });
      proxy.nack(await proxy.next(CLUSTERS), 'a: no');
      await refused(stage, CLUSTERS);
      // b, which the proxy did not complain of, is tried again without the new a.
      const again = await proxy.take(CLUSTERS);
      assert.equal(timeoutOf(again, 'b'), '2s');
      assert.notEqual(timeoutOf(again, 'a'), '2s');
      assert.deepEqual(again.removed, []);
      if (!stage.variant.delta) assert.equal(timeoutOf(again, 'a'), '1s');
      await stage.quiet(proxy);
    }),
    behaviour('after a refusal the next change is tried, and ends it', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 2 } });
      proxy.nack(await proxy.next(CLUSTERS), 'a: no');
      await refused(stage, CLUSTERS);
      await stage.barrier(proxy);
      for (const answer of proxy.waiting.splice(0)) proxy.ack(answer);
      stage.publish({ clusters: { a: 3 } });
      const next = await proxy.take(CLUSTERS);
      assert.equal(timeoutOf(next, 'a'), '3s');
      await until(() => stage.status(CLUSTERS)?.nacked === null, { what: 'the refusal to end', intervalMs: 1 });
    }),
    behaviour('a first version that is refused leaves the proxy with nothing until the next', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.nack(await proxy.next(ENDPOINTS), 'a: no');
      await refused(stage, ENDPOINTS);
      await stage.quiet(proxy);
      stage.publish({ endpoints: { a: 2 } });
      assert.deepEqual((await proxy.take(ENDPOINTS)).resources.get('a'), contentOf(ENDPOINTS, 'a', 2));
    }),
    behaviour('a removal that is refused is not tried again until something changes', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 1 } });
      proxy.nack(await proxy.next(CLUSTERS), 'b: is needed');
      // Above all not the rest taken away too, as if the proxy had complained of that.
      await stage.quiet(proxy);
      assert.equal(stage.nacks.length, 1);
      stage.publish({ clusters: { a: 2 } });
      const answer = await proxy.take(CLUSTERS);
      assert.equal(timeoutOf(answer, 'a'), '2s');
      await stage.quiet(proxy);
    }),
    behaviour('an error is a refusal even beside the version that was sent', SOTW, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const answer = await proxy.next(CLUSTERS);
      proxy.nack(answer, 'a: no', { fields: { version_info: answer.version } });
      assert.equal((await refused(stage, CLUSTERS)).version, answer.version);
    }),
    behaviour('an older version without an error is no refusal', SOTW, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      const first = await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 2, b: 1 } });
      const second = await proxy.next(ENDPOINTS);
      proxy.ack(second, { add: ['b'], fields: { version_info: first.version } });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
      assert.deepEqual(stage.nacks, []);
      assert.equal(stage.status(ENDPOINTS)?.nacked, null);
    }),
    behaviour('a refusal without a word is a refusal', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.ack(await proxy.next(ENDPOINTS), { fields: { error_detail: {} } });
      assert.deepEqual((await refused(stage, ENDPOINTS)).resources, ['a']);
    }),
    behaviour('a refusal of one type touches no other', AGGREGATED, async (stage) => {
      stage.publish({ endpoints: { a: 1 }, runtimes: { r: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.ask(RUNTIMES, { add: ['r'] });
      proxy.nack(await proxy.next(ENDPOINTS), 'a: no');
      const runtimes = await proxy.take(RUNTIMES);
      await refused(stage, ENDPOINTS);
      assert.equal((await stage.acknowledged(runtimes)).nacked, null);
      stage.publish({ endpoints: { a: 1 }, runtimes: { r: 2 } });
      await proxy.take(RUNTIMES);
      await stage.quiet(proxy);
    }),
    behaviour('answers of several types come in any order', AGGREGATED, async (stage) => {
      stage.publish({ clusters: { a: 1 }, endpoints: { e: 1 }, runtimes: { r: 1 } });
      const proxy = stage.connect();
      proxy.ask(RUNTIMES, { add: ['r'] });
      proxy.ask(ENDPOINTS, { add: ['e'] });
      proxy.ask(CLUSTERS);
      const answers = [await proxy.next(CLUSTERS), await proxy.next(ENDPOINTS), await proxy.next(RUNTIMES)];
      for (const answer of answers.toReversed()) proxy.ack(answer);
      await stage.quiet(proxy);
      assert.deepEqual(stage.nacks, []);
      for (const answer of answers) await stage.acknowledged(answer);
    }),
    behaviour('a request with an older nonce is not answered', SOTW, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      const first = await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 2, b: 1 } });
      const second = await proxy.next(ENDPOINTS);
      // Written before the second response was seen: its answer, which comes next, says the same.
      proxy.ack(first, { add: ['b'] });
      await stage.quiet(proxy);
      proxy.ack(second);
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
    }),
    behaviour('names beside an older nonce wait for the current one', SOTW, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      const first = await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 2, b: 1 } });
      await proxy.take(ENDPOINTS);
      proxy.ask(ENDPOINTS, { add: ['b'], fields: { response_nonce: first.nonce, version_info: first.version } });
      await stage.quiet(proxy);
      proxy.ask(ENDPOINTS);
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
    }),
    behaviour('a refusal with an older nonce refuses nothing', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      const first = await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 2 } });
      const second = await proxy.next(ENDPOINTS);
      proxy.nack(first, 'a: too late');
      await stage.quiet(proxy);
      assert.deepEqual(stage.nacks, []);
      proxy.ack(second);
      assert.equal((await stage.acknowledged(second)).nacked, null);
    }),
    behaviour('a nonce that was never given refuses and accepts nothing', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      const answer = await proxy.next(ENDPOINTS);
      const response_nonce = 'never given';
      proxy.ask(ENDPOINTS, { fields: { response_nonce, error_detail: { code: 13, message: 'a: no' } } });
      proxy.ask(ENDPOINTS, { fields: { response_nonce } });
      await stage.quiet(proxy);
      assert.deepEqual(stage.nacks, []);
      assert.equal(stage.status(ENDPOINTS)?.acked, null);
      proxy.ack(answer);
      await stage.acknowledged(answer);
    }),
    behaviour('names beside an older nonce count', DELTA, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      const first = await proxy.take(ENDPOINTS);
      stage.publish({ endpoints: { a: 2, b: 1 } });
      const second = await proxy.next(ENDPOINTS);
      proxy.ack(first, { add: ['b'] });
      proxy.ack(second);
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
    }),
    behaviour('names beside a refusal count', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const proxy = stage.connect();
      proxy.ask(ENDPOINTS, { add: ['a'] });
      proxy.nack(await proxy.next(ENDPOINTS), 'a: no', { add: ['b'] });
      assert.deepEqual(namesIn(await proxy.take(ENDPOINTS)), ['b']);
    }),
    behaviour('while a response is unanswered changes are merged into the next one', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const first = await proxy.next(CLUSTERS);
      for (let variation = 2; variation <= 5; variation += 1) stage.publish({ clusters: { a: variation } });
      await stage.quiet(proxy);
      proxy.ack(first);
      assert.equal(timeoutOf(await proxy.take(CLUSTERS), 'a'), '5s');
      await stage.quiet(proxy);
    }),
    behaviour('what changed and changed back while a response was unanswered is sent as it is', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 2 } });
      const second = await proxy.next(CLUSTERS);
      stage.publish({ clusters: { a: 1 } });
      proxy.ack(second);
      assert.equal(timeoutOf(await proxy.take(CLUSTERS), 'a'), '1s');
    }),
    behaviour('the same content published again sends nothing', ALL, async (stage) => {
      const contents = { clusters: { a: 1 }, endpoints: { e: 1 } };
      stage.publish(contents);
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      proxy.ask(ENDPOINTS, { add: ['e'] });
      await proxy.take(CLUSTERS);
      await proxy.take(ENDPOINTS);
      for (let count = 0; count < 10; count += 1) stage.publish(contents);
      await stage.quiet(proxy);
    }),
  ],
};
