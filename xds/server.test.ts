import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { decode } from '../proto/decode.ts';
import { encode } from '../proto/encode.ts';
import type { JsonObject } from '../proto/json.ts';
import { startXds } from '../test/support/ads-envoy.ts';
import { until } from '../test/support/until.ts';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { buildSnapshot, CLUSTER_TYPE, EMPTY_SNAPSHOT, ENDPOINT_TYPE, LISTENER_TYPE } from './index.ts';

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

/** A client that says what the test says, and nothing else. */
class RawClient implements Disposable {
  readonly responses: JsonObject[] = [];
  status: { code: number; details: string } | undefined;
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;

  constructor(port: number, method = 'StreamAggregatedResources') {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const raw = (bytes: Buffer) => bytes;
    this.#stream = this.#client.makeBidiStreamRequest(`${SERVICE}/${method}`, raw, raw);
    this.#stream.on('data', (bytes: Buffer) => {
      this.responses.push(decode('envoy.service.discovery.v3.DiscoveryResponse', bytes));
    });
    this.#stream.on('error', () => {});
    this.#stream.on('status', (status) => {
      this.status = status;
    });
  }

  send(request: JsonObject): void {
    this.sendBytes(encode('envoy.service.discovery.v3.DiscoveryRequest', request));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#stream.write(Buffer.from(bytes));
  }

  /** The response of that number, from 0. */
  async response(index: number): Promise<JsonObject> {
    return await until(() => this.responses[index], { what: `response ${index}` });
  }

  async ended(): Promise<{ code: number; details: string }> {
    return await until(() => this.status, { what: 'the end of the stream' });
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
    this.#client.close();
  }
}

function snapshot(port: number) {
  return buildSnapshot({
    clusters: [edsCluster('a')],
    endpoints: [endpoints('a', port)],
    listeners: [tcpListener('rw', 5000, 'a')],
  });
}

describe('the xDS server', () => {
  it('waits for a snapshot, sends in order, and tells what each proxy has', async () => {
    const seen: string[] = [];
    await using control = await startXds({
      onNode: (node, details) => seen.push(`${node} ${JSON.stringify(details.metadata)}`),
      onClosed: (node) => seen.push(`${node} closed`),
    });
    {
      using client = new RawClient(control.port);
      client.send({ node: { id: 'n', metadata: { x: 'y' } }, type_url: CLUSTER_TYPE });
      client.send({ type_url: ENDPOINT_TYPE, resource_names: ['a'] });
      client.send({ type_url: LISTENER_TYPE });
      await until(() => control.xds.proxies()[0]?.types.length === 3, { what: 'the requests to arrive' });
      expect(client.responses).toEqual([]);
      control.cache.set('n', snapshot(1));
      const clusters = await client.response(0);
      expect(clusters).toMatchObject({ type_url: CLUSTER_TYPE, resources: [{ ...edsCluster('a') }] });
      const assignment = await client.response(1);
      expect(assignment).toMatchObject({ type_url: ENDPOINT_TYPE, resources: [endpoints('a', 1)] });
      // Neither of the two alone opens the listener.
      const ack = ({ type_url, version_info, nonce }: JsonObject, names: string[] = []): JsonObject => ({
        type_url,
        version_info,
        response_nonce: nonce,
        resource_names: names,
      });
      client.send(ack(clusters));
      await until(() => control.xds.proxies()[0]?.types[0]?.acked, { what: 'the acknowledgement' });
      expect(client.responses.length).toBe(2);
      client.send(ack(assignment, ['a']));
      const listeners = await client.response(2);
      expect(listeners).toMatchObject({ type_url: LISTENER_TYPE, resources: [tcpListener('rw', 5000, 'a')] });
      client.send({ ...ack(listeners), version_info: '', error_detail: { code: 13, message: 'rw: no' } });
      const status = await until(() => control.xds.proxies()[0]?.types[2]?.nacked, { what: 'the refusal' });
      expect(status).toMatchObject({ version: listeners.version_info, error: 'rw: no', resources: ['rw'] });
      expect(await client.response(3)).toMatchObject({ type_url: LISTENER_TYPE });
      expect(client.responses[3]?.resources).toBeUndefined();
    }
    await until(() => seen.length === 2, { what: 'the stream to close' });
    expect(seen).toEqual(['n {"x":"y"}', 'n closed']);
    expect(control.xds.proxies()).toEqual([]);
  });

  it('tells a change to the node that it is for, and to no other', async () => {
    await using control = await startXds();
    using one = new RawClient(control.port);
    using two = new RawClient(control.port);
    control.cache.set('one', EMPTY_SNAPSHOT);
    control.cache.set('two', EMPTY_SNAPSHOT);
    one.send({ node: { id: 'one' }, type_url: LISTENER_TYPE });
    two.send({ node: { id: 'two' }, type_url: LISTENER_TYPE });
    const [first, second] = await Promise.all([one.response(0), two.response(0)]);
    one.send({ type_url: LISTENER_TYPE, version_info: first.version_info, response_nonce: first.nonce });
    two.send({ type_url: LISTENER_TYPE, version_info: second.version_info, response_nonce: second.nonce });
    await until(() => control.xds.proxies().every(({ types }) => types[0]?.acked), { what: 'both to answer' });
    control.cache.set('one', snapshot(1));
    expect(await one.response(1)).toMatchObject({ resources: [{ name: 'rw' }] });
    expect(two.responses.length).toBe(1);
  });

  it.each<[string, JsonObject, string]>([
    [
      'an unknown type',
      { node: { id: 'n' }, type_url: 'type.googleapis.com/x.Y' },
      'type.googleapis.com/x.Y is not served',
    ],
    ['no type', { node: { id: 'n' } }, 'no type is not served'],
    ['no node', { type_url: CLUSTER_TYPE }, 'must tell node.id'],
  ])('ends a stream with %s', async (_, request, message) => {
    const invalid: string[] = [];
    await using control = await startXds({ onInvalid: (_node, text) => invalid.push(text) });
    using client = new RawClient(control.port);
    client.send(request);
    expect(await client.ended()).toMatchObject({ code: 3, details: expect.stringContaining(message) });
    expect(invalid).toEqual([expect.stringContaining(message)]);
  });

  it('ends a stream with bytes that are no request, and one with too many', async () => {
    await using control = await startXds();
    using garbage = new RawClient(control.port);
    garbage.sendBytes(Buffer.from([0xff, 0xff]));
    expect(await garbage.ended()).toMatchObject({ code: 3, details: expect.stringContaining('DiscoveryRequest') });
    using large = new RawClient(control.port);
    large.sendBytes(Buffer.alloc(5 * 1024 * 1024));
    expect(await large.ended()).toMatchObject({ code: 8 });
    expect(control.xds.proxies()).toEqual([]);
  });

  it('fetches nothing at once, and says goodbye when it stops', async () => {
    await using control = await startXds();
    using fetch = new RawClient(control.port, 'FetchAggregatedResources');
    expect(await fetch.ended()).toMatchObject({ code: 12 });
    using client = new RawClient(control.port);
    client.send({ node: { id: 'n' }, type_url: CLUSTER_TYPE });
    await until(() => control.xds.proxies().length === 1, { what: 'the stream' });
    control.xds.close();
    expect(await client.ended()).toMatchObject({ code: 14, details: 'the control plane is stopping' });
    expect(control.xds.proxies()).toEqual([]);
  });
});
