/** Behaviours of streams and nodes. */
import assert from 'node:assert/strict';
import { status as grpc } from '@grpc/grpc-js';
import { until } from '../support/until.ts';
import { AGGREGATED, ALL, behaviour, type Chapter, PER_TYPE, SOTW } from './behaviour.ts';
import { namesIn } from './client.ts';
import { NODE } from './stage.ts';
import { CLUSTERS, ENDPOINTS, LISTENERS } from './types.ts';

export const streams: Chapter = {
  title: 'Streams and nodes',
  behaviours: [
    behaviour('the first request names the node, and gets what that node is to have', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      stage.publish({ clusters: { other: 1 } }, 'node/other');
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      assert.deepEqual(namesIn(await proxy.next(CLUSTERS)), ['a']);
    }),
    behaviour('later requests need not name the node', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      stage.publish({ clusters: { a: 2 } });
      assert.equal((await proxy.take(CLUSTERS)).resources.get('a')?.connect_timeout, '2s');
    }),
    behaviour('another node named later on a stream changes nothing', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      stage.publish({ clusters: { other: 1 } }, 'node/other');
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      proxy.ack(await proxy.next(CLUSTERS), { fields: { node: { id: 'node/other' } } });
      await stage.quiet(proxy);
      stage.publish({ clusters: { a: 2 } });
      assert.deepEqual(namesIn(await proxy.next(CLUSTERS)), ['a']);
      assert.deepEqual(stage.connections('node/other'), []);
    }),
    behaviour('a stream that does not name its node is refused with INVALID_ARGUMENT', ALL, async (stage) => {
      const stream = stage.connect().stream(CLUSTERS);
      stream.send({ type_url: CLUSTERS.url });
      assert.equal((await stream.ended()).code, grpc.INVALID_ARGUMENT);
    }),
    behaviour('a node with an empty name is refused with INVALID_ARGUMENT', ALL, async (stage) => {
      const stream = stage.connect().stream(CLUSTERS);
      stream.send({ node: { id: '', cluster: 'x' }, type_url: CLUSTERS.url });
      assert.equal((await stream.ended()).code, grpc.INVALID_ARGUMENT);
    }),
    behaviour('a node that nothing is known of waits, and is answered when there is something', ALL, async (stage) => {
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await stage.quiet(proxy);
      stage.publish({ clusters: { a: 1 } });
      assert.deepEqual(namesIn(await proxy.next(CLUSTERS)), ['a']);
    }),
    behaviour('two nodes are told of their own changes only', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } }, 'node/one');
      stage.publish({ clusters: { a: 1 } }, 'node/two');
      const one = stage.connect('node/one');
      const two = stage.connect('node/two');
      for (const proxy of [one, two]) {
        proxy.ask(CLUSTERS);
        await proxy.take(CLUSTERS);
      }
      await stage.quiet(one, two);
      stage.publish({ clusters: { a: 2 } }, 'node/one');
      assert.equal((await one.next(CLUSTERS)).resources.get('a')?.connect_timeout, '2s');
      await stage.quiet(two);
    }),
    behaviour('several streams of one node are each told everything', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      // So many that the server looks for them by what they asked for.
      const proxies = Array.from({ length: 20 }, () => stage.connect());
      for (const proxy of proxies) {
        proxy.ask(CLUSTERS);
        assert.deepEqual(namesIn(await proxy.take(CLUSTERS)), ['a']);
      }
      await stage.quiet(...proxies);
      stage.publish({ clusters: { a: 1, b: 1 } });
      for (const proxy of proxies) assert.ok((await proxy.take(CLUSTERS)).resources.has('b'));
    }),
    behaviour('several streams of one node ask for their own names', ALL, async (stage) => {
      stage.publish({ endpoints: { a: 1, b: 1 } });
      const one = stage.connect();
      const two = stage.connect();
      one.ask(ENDPOINTS, { add: ['a'] });
      two.ask(ENDPOINTS, { add: ['b'] });
      assert.deepEqual(namesIn(await one.take(ENDPOINTS)), ['a']);
      assert.deepEqual(namesIn(await two.take(ENDPOINTS)), ['b']);
      stage.publish({ endpoints: { a: 2, b: 1 } });
      await one.take(ENDPOINTS);
      await stage.quiet(one, two);
    }),
    behaviour('a proxy that does not read holds up no other', ALL, async (stage) => {
      const many = (variation: number) => ({
        clusters: Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`c${index}`, variation])),
      });
      stage.publish(many(1));
      const deaf = stage.connect();
      deaf.stream(CLUSTERS).pause();
      const hearing = stage.connect();
      deaf.ask(CLUSTERS);
      hearing.ask(CLUSTERS);
      await hearing.take(CLUSTERS);
      for (let variation = 2; variation < 10; variation += 1) {
        stage.publish(many(variation));
        assert.equal((await hearing.take(CLUSTERS)).resources.get('c7')?.connect_timeout, `${variation}s`);
      }
      deaf.stream(CLUSTERS).resume();
      assert.equal((await deaf.take(CLUSTERS)).resources.size, 2000);
      // What changed meanwhile comes as one.
      assert.equal((await deaf.take(CLUSTERS)).resources.get('c7')?.connect_timeout, '9s');
      await stage.quiet(deaf);
    }),
    behaviour('no two responses on a stream have the same nonce, whatever their types', ALL, async (stage) => {
      const proxy = stage.connect();
      for (let variation = 1; variation <= 4; variation += 1) {
        stage.publish({ clusters: { a: variation }, endpoints: { e: variation } });
        if (variation === 1) {
          proxy.ask(CLUSTERS);
          proxy.ask(ENDPOINTS, { add: ['e'] });
        }
        await proxy.take(CLUSTERS);
        await proxy.take(ENDPOINTS);
      }
      assert.ok(proxy.nonces.every((nonce) => nonce !== ''));
      // A stream of its own counts for itself.
      if (stage.variant.aggregated) assert.equal(new Set(proxy.nonces).size, 8);
    }),
    behaviour('a nonce of an earlier stream means nothing to the next one', SOTW, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      const { nonce } = await proxy.take(CLUSTERS);
      proxy.disconnect();
      proxy.ask(CLUSTERS, { fields: { version_info: '', response_nonce: `${nonce}${nonce}` } });
      assert.deepEqual(namesIn(await proxy.next(CLUSTERS)), ['a']);
    }),
    behaviour('an error in the first request of a stream refuses nothing', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { fields: { error_detail: { code: 13, message: 'a: from another life' } } });
      const answer = await proxy.take(CLUSTERS);
      assert.deepEqual(namesIn(answer), ['a']);
      assert.equal((await stage.acknowledged(answer)).nacked, null);
      assert.deepEqual(stage.nacks, []);
    }),
    behaviour('a type that is not served is refused with INVALID_ARGUMENT', AGGREGATED, async (stage) => {
      const stream = stage.connect().stream(CLUSTERS);
      stream.send({ node: { id: NODE }, type_url: 'type.googleapis.com/no.such.Type' });
      assert.equal((await stream.ended()).code, grpc.INVALID_ARGUMENT);
    }),
    behaviour('a type of a hundred thousand characters is refused, and the connection lives on', ALL, async (stage) => {
      const proxy = stage.connect();
      const stream = proxy.stream(CLUSTERS);
      stream.send({ node: { id: NODE }, type_url: 'ü'.repeat(100_000) });
      assert.equal((await stream.ended()).code, grpc.INVALID_ARGUMENT);
      await stage.quiet(proxy);
    }),
    behaviour('no type at all is refused with INVALID_ARGUMENT', AGGREGATED, async (stage) => {
      const stream = stage.connect().stream(CLUSTERS);
      stream.send({ node: { id: NODE } });
      assert.equal((await stream.ended()).code, grpc.INVALID_ARGUMENT);
    }),
    behaviour('a stream of one type need not tell it', PER_TYPE, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { fields: { type_url: undefined } });
      const answer = await proxy.next(CLUSTERS);
      assert.deepEqual(namesIn(answer), ['a']);
      assert.equal(answer.raw.type_url, CLUSTERS.url);
    }),
    behaviour('a stream of one type refuses another with INVALID_ARGUMENT', PER_TYPE, async (stage) => {
      stage.publish({ clusters: { a: 1 }, listeners: { l: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS, { fields: { type_url: LISTENERS.url } });
      assert.equal((await proxy.stream(CLUSTERS).ended()).code, grpc.INVALID_ARGUMENT);
      assert.deepEqual(proxy.arrivals, []);
    }),
    behaviour('bytes that are no request are refused with INVALID_ARGUMENT', ALL, async (stage) => {
      const stream = stage.connect().stream(CLUSTERS);
      stream.sendBytes(Buffer.from([0xff, 0xff, 0xff]));
      assert.equal((await stream.ended()).code, grpc.INVALID_ARGUMENT);
    }),
    behaviour('bytes that are no request later on a stream end that stream only', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const broken = stage.connect();
      const whole = stage.connect();
      for (const proxy of [broken, whole]) {
        proxy.ask(CLUSTERS);
        await proxy.take(CLUSTERS);
      }
      broken.stream(CLUSTERS).sendBytes(Buffer.from([0x0a, 0x7f]));
      assert.equal((await broken.stream(CLUSTERS).ended()).code, grpc.INVALID_ARGUMENT);
      stage.publish({ clusters: { a: 2 } });
      await whole.take(CLUSTERS);
    }),
    behaviour('a request with more than the server takes is refused with RESOURCE_EXHAUSTED', ALL, async (stage) => {
      const stream = stage.connect().stream(CLUSTERS);
      stream.sendBytes(Buffer.alloc(5 * 1024 * 1024));
      assert.equal((await stream.ended()).code, grpc.RESOURCE_EXHAUSTED);
    }),
    behaviour('a proxy that says it will ask no more gets OK, and is forgotten', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.stream(CLUSTERS).end();
      assert.equal((await proxy.stream(CLUSTERS).ended()).code, grpc.OK);
      await until(() => stage.connections().length === 0, { what: 'the stream to be forgotten', intervalMs: 2 });
    }),
    behaviour('a proxy that vanishes is forgotten', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      proxy.disconnect();
      await until(() => stage.connections().length === 0, { what: 'the stream to be forgotten', intervalMs: 2 });
      stage.publish({ clusters: { a: 2 } });
    }),
    behaviour('a server that stops says UNAVAILABLE, so that the proxy looks for another', ALL, async (stage) => {
      stage.publish({ clusters: { a: 1 } });
      const proxy = stage.connect();
      proxy.ask(CLUSTERS);
      await proxy.take(CLUSTERS);
      stage.server.xds.close();
      assert.equal((await proxy.stream(CLUSTERS).ended()).code, grpc.UNAVAILABLE);
    }),
  ],
};
