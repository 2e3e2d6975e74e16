import { type Client, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { decode } from '../proto/decode.ts';
import type { JsonObject } from '../proto/json.ts';
import { openConnection, RawStream } from '../test/conformance/client.ts';
import { startXds } from '../test/support/ads-envoy.ts';
import { until } from '../test/support/until.ts';
import { endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { SnapshotCache } from './cache.ts';
import type { XdsServerOptions } from './server.ts';
import { buildSnapshot } from './snapshot.ts';
import { ENDPOINT_TYPE, LISTENER_TYPE } from './type-urls.ts';

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
const EDS_PATH = '/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints';
const FIRST = { node: { id: 'n' }, type_url: LISTENER_TYPE };

function start(options: Partial<XdsServerOptions>) {
  return startXds({}, 0, new SnapshotCache(), options);
}

class Opened implements Disposable {
  readonly responses: JsonObject[] = [];
  readonly stream: RawStream;

  constructor(client: Client, path = PATH) {
    this.stream = new RawStream(client, path, false, (bytes) => {
      this.responses.push(decode('envoy.service.discovery.v3.DiscoveryResponse', bytes));
    });
  }

  async answer(): Promise<void> {
    const response = await until(() => this.responses.at(-1), { what: 'a response' });
    const { type_url, version_info, nonce } = response;
    this.stream.send({ type_url, version_info, response_nonce: nonce });
  }

  [Symbol.dispose](): void {
    this.stream.cancel();
  }
}

describe('the limits of a server', () => {
  it('hold for the streams of a connection', async () => {
    await using control = await start({ limits: { streamsPerConnection: 2 } });
    const client = openConnection(control.port);
    using one = new Opened(client);
    using two = new Opened(client);
    one.stream.send(FIRST);
    two.stream.send(FIRST);
    await until(() => control.xds.proxies().length === 2, { what: 'two streams' });
    using three = new Opened(client);
    three.stream.send(FIRST);
    const end = await three.stream.ended();
    expect(end).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'a connection may have 2 streams' });
    one.stream.cancel();
    await until(() => control.xds.proxies().length === 1, { what: 'one to go' });
    using four = new Opened(client);
    four.stream.send(FIRST);
    await until(() => control.xds.proxies().length === 2, { what: 'another in its place' });
    client.close();
  });

  it('hold for the connections of an address, and for the types of a stream', async () => {
    await using control = await start({ limits: { connectionsPerPeer: 1, typesPerStream: 1 } });
    const [first, second] = [openConnection(control.port), openConnection(control.port)];
    using one = new Opened(first);
    one.stream.send(FIRST);
    await until(() => control.xds.proxies().length === 1, { what: 'the first connection' });
    using two = new Opened(second);
    expect(await two.stream.ended()).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: '127.0.0.1 may have 1 connections',
    });
    one.stream.send({ type_url: ENDPOINT_TYPE, resource_names: ['a'] });
    expect(await one.stream.ended()).toMatchObject({ details: 'a stream may ask for 1 types' });
    first.close();
    second.close();
  });

  it('refuse a type on the service of another', async () => {
    await using control = await start({});
    const client = openConnection(control.port);
    using stream = new Opened(client, EDS_PATH);
    stream.stream.send(FIRST);
    const details = `${LISTENER_TYPE} is asked for on a stream of ${ENDPOINT_TYPE}`;
    expect(await stream.stream.ended()).toMatchObject({ code: status.INVALID_ARGUMENT, details });
    client.close();
  });
});

describe('the end of a stream', () => {
  const listeners = (port: number) => buildSnapshot({ listeners: [tcpListener('rw', port, 'a')] }, ['a']);

  it('comes cleanly with its age, once the proxy has answered', async () => {
    await using control = await start({ streamAge: { ms: 50, random: () => 0.5 } });
    control.cache.set('n', listeners(1));
    const client = openConnection(control.port);
    using proxy = new Opened(client);
    proxy.stream.send(FIRST);
    await proxy.answer();
    expect(await proxy.stream.ended()).toMatchObject({ code: status.OK });
    expect(control.xds.proxies()).toEqual([]);
    client.close();
  });

  it('waits for answers when the server shuts down, and no longer than the limit', async () => {
    await using control = await start({});
    control.cache.set('n', listeners(1));
    const client = openConnection(control.port);
    using prompt = new Opened(client);
    using silent = new Opened(client);
    for (const { stream } of [prompt, silent]) stream.send(FIRST);
    await until(() => prompt.responses.length + silent.responses.length === 2, { what: 'both to be sent' });
    const done = control.xds.shutdown({ limitMs: 300 });
    using late = new Opened(client);
    expect(await late.stream.ended()).toMatchObject({ code: status.UNAVAILABLE });
    await prompt.answer();
    expect(await prompt.stream.ended()).toMatchObject({ code: status.UNAVAILABLE });
    expect(control.xds.proxies().length).toBe(1);
    await done;
    expect(await silent.stream.ended()).toMatchObject({ code: status.UNAVAILABLE });
    client.close();
  });
});

describe('a proxy that does not read', () => {
  it('is sent one response at most, and what it is to have in the end', async () => {
    const pushes: string[] = [];
    await using control = await startXds({ onPush: (node) => pushes.push(node) });
    const client = openConnection(control.port);
    using slow = new Opened(client, EDS_PATH);
    slow.stream.pause();
    const publish = (port: number) => control.cache.set('n', buildSnapshot({ endpoints: [endpoints('a', port)] }));
    publish(1);
    slow.stream.send({ node: { id: 'n' }, resource_names: ['a'] });
    await until(() => pushes.length === 1, { what: 'the first response' });
    for (let port = 2; port < 1000; port++) publish(port);
    expect(pushes.length).toBe(1);
    slow.stream.resume();
    const first = await until(() => slow.responses[0], { what: 'the first response to be read' });
    slow.stream.send({ resource_names: ['a'], version_info: first.version_info, response_nonce: first.nonce });
    const second = await until(() => slow.responses[1], { what: 'the second' });
    expect(second.resources).toMatchObject([endpoints('a', 999)]);
    client.close();
  });
});
