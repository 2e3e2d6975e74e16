import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { CallHandler, ServerCall } from '../grpc/call.ts';
import type { ServiceHost } from '../grpc/rpc-server.ts';
import { decode } from '../proto/decode.ts';
import { encode } from '../proto/encode.ts';
import type { JsonObject } from '../proto/json.ts';
import { startXds } from '../test/support/ads-envoy.ts';
import { until } from '../test/support/until.ts';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { buildSnapshot, CLUSTER_TYPE, ClientStatusServer, LISTENER_TYPE } from './index.ts';

const CSDS = '/envoy.service.status.v3.ClientStatusDiscoveryService';
const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
const REQUEST = 'envoy.service.status.v3.ClientStatusRequest';
const RESPONSE = 'envoy.service.status.v3.ClientStatusResponse';
const raw = (bytes: Buffer) => bytes;

/** A proxy and somebody who asks about it, on one connection. */
class RawClient implements Disposable {
  readonly #client: Client;
  readonly #streams: ClientDuplexStream<Buffer, Buffer>[] = [];
  readonly pushes: JsonObject[] = [];

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  open(path: string, onData: (bytes: Buffer) => void): ClientDuplexStream<Buffer, Buffer> {
    const stream = this.#client.makeBidiStreamRequest(path, raw, raw);
    stream.on('data', onData);
    stream.on('error', () => {});
    this.#streams.push(stream);
    return stream;
  }

  /** Asks for the type as a proxy of that id. */
  subscribe(id: string, type: string, metadata: JsonObject = {}) {
    const stream = this.open(ADS, (bytes) => {
      this.pushes.push(decode('envoy.service.discovery.v3.DiscoveryResponse', bytes));
    });
    const send = (request: JsonObject) => {
      stream.write(Buffer.from(encode('envoy.service.discovery.v3.DiscoveryRequest', { type_url: type, ...request })));
    };
    send({ node: { id, metadata, extensions: [{ name: 'x', category: 'y' }] } });
    return send;
  }

  fetch(request: JsonObject): Promise<JsonObject> {
    return this.fetchBytes(encode(REQUEST, request));
  }

  fetchBytes(bytes: Uint8Array): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(`${CSDS}/FetchClientStatus`, raw, raw, Buffer.from(bytes), (error, answer) => {
        if (error) reject(error);
        else resolve(decode(RESPONSE, answer ?? Buffer.alloc(0)));
      });
    });
  }

  [Symbol.dispose](): void {
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
  }
}

function snapshot(port: number, more: JsonObject = {}) {
  return buildSnapshot({
    clusters: [edsCluster('a')],
    endpoints: [endpoints('a', 1)],
    listeners: [{ ...tcpListener('rw', port, 'a'), ...more }],
  });
}

/** `config` of the answer. */
function configs(answer: JsonObject): JsonObject[] {
  return Array.isArray(answer.config) ? answer.config : [];
}

function generic(answer: JsonObject): JsonObject[] {
  const list = configs(answer)[0]?.generic_xds_configs;
  return Array.isArray(list) ? list : [];
}

describe('client status discovery', () => {
  it('tells what a proxy was sent, accepted and refused', async () => {
    await using control = await startXds();
    using client = new RawClient(control.port);
    const send = client.subscribe('n', LISTENER_TYPE, { zone: 'a' });
    await until(() => control.xds.proxies().length === 1, { what: 'the proxy' });
    expect(await client.fetch({})).toEqual({ config: [{ node: { id: 'n', metadata: { zone: 'a' } } }] });

    control.cache.set('n', snapshot(5000));
    const first = await until(() => client.pushes[0], { what: 'the listener' });
    const listener = { type_url: LISTENER_TYPE, name: 'rw' };
    const sent = generic(await client.fetch({}));
    expect(sent).toMatchObject([{ ...listener, config_status: 'STALE', client_status: 'REQUESTED' }]);

    send({ version_info: first.version_info, response_nonce: first.nonce });
    await until(() => control.xds.proxies()[0]?.types[0]?.acked, { what: 'the acknowledgement' });
    const [acked] = generic(await client.fetch({}));
    expect(acked).toMatchObject({
      ...listener,
      config_status: 'SYNCED',
      client_status: 'ACKED',
      version_info: expect.stringMatching(/^[0-9a-f]{16}$/),
      xds_config: { '@type': LISTENER_TYPE, ...tcpListener('rw', 5000, 'a') },
    });
    expect(Math.abs(Date.parse(String(acked?.last_updated)) - Date.now())).toBeLessThan(10_000);
    const [bare] = generic(await client.fetch({ exclude_resource_contents: true }));
    expect(bare).toEqual({ ...acked, xds_config: undefined });

    control.cache.set('n', snapshot(5001));
    const second = await until(() => client.pushes[1], { what: 'the next listener' });
    const error_detail = { code: 13, message: 'rw: no' };
    send({ version_info: first.version_info, response_nonce: second.nonce, error_detail });
    await until(() => control.xds.proxies()[0]?.types[0]?.nacked, { what: 'the refusal' });
    const [refused] = generic(await client.fetch({}));
    expect(refused).toMatchObject({
      ...listener,
      config_status: 'ERROR',
      client_status: 'NACKED',
      version_info: acked?.version_info,
      xds_config: tcpListener('rw', 5000, 'a'),
      error_state: {
        details: 'rw: no',
        version_info: second.version_info,
        failed_configuration: tcpListener('rw', 5001, 'a'),
      },
    });
  });

  it('tells of what was asked for and does not exist', async () => {
    await using control = await startXds();
    using client = new RawClient(control.port);
    const send = client.subscribe('n', CLUSTER_TYPE);
    send({ resource_names: ['nothing'] });
    await until(() => control.xds.proxies().length === 1, { what: 'the proxy' });
    const answer = await until(
      async () => {
        const [found] = generic(await client.fetch({}));
        return found;
      },
      { what: 'the name' },
    );
    const expected = { name: 'nothing', config_status: 'NOT_SENT', client_status: 'REQUESTED' };
    expect(answer).toEqual({ type_url: CLUSTER_TYPE, ...expected });
  });

  it('answers each request of a stream, about those that are meant', async () => {
    await using control = await startXds();
    using client = new RawClient(control.port);
    for (const name of ['one', 'two', 'three']) client.subscribe(name, CLUSTER_TYPE, { odd: name !== 'two' });
    await until(() => control.xds.proxies().length === 3, { what: 'the proxies' });
    const answers: unknown[] = [];
    let ended = false;
    const stream = client.open(`${CSDS}/StreamClientStatus`, (bytes) => {
      answers.push(configs(decode(RESPONSE, bytes)).map(({ node }) => (node as JsonObject).id));
    });
    stream.on('status', ({ code }) => {
      ended = code === 0;
    });
    const odd = { node_metadatas: [{ path: [{ key: 'odd' }], value: { bool_match: true } }] };
    for (const matcher of [{ node_id: { prefix: 't' } }, odd, { node_id: { exact: 'nobody' } }]) {
      stream.write(Buffer.from(encode(REQUEST, { node_matchers: [matcher] })));
    }
    stream.end();
    await until(() => ended, { what: 'the end of the stream' });
    expect(answers.map((ids) => (ids as string[]).sort())).toEqual([['three', 'two'], ['one', 'three'], []]);
  });

  it('says what is wrong with a filter', async () => {
    await using control = await startXds();
    using client = new RawClient(control.port);
    const node_matchers = [{ node_id: { safe_regex: { regex: '(' } } }, {}];
    const wrong = { code: 3, details: expect.stringContaining('node_matchers[0].node_id.safe_regex.regex: ') };
    await expect(client.fetch({ node_matchers })).rejects.toMatchObject(wrong);
    await expect(client.fetchBytes(Buffer.from([0xff, 0xff]))).rejects.toMatchObject({ code: 3 });
    let status: { code: number; details: string } | undefined;
    const stream = client.open(`${CSDS}/StreamClientStatus`, () => {});
    stream.on('status', (told) => {
      status = told;
    });
    stream.write(Buffer.from(encode(REQUEST, { node_matchers })));
    expect(await until(() => status, { what: 'the refusal' })).toMatchObject(wrong);
  });

  it('shows no private keys', async () => {
    await using control = await startXds();
    using client = new RawClient(control.port);
    const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
    const tls_certificates = [{ private_key: { inline_string: 'private' } }];
    const transport_socket = { name: 'tls', typed_config: { '@type': tls, common_tls_context: { tls_certificates } } };
    control.cache.set('n', snapshot(5000, { default_filter_chain: { transport_socket } }));
    client.subscribe('n', LISTENER_TYPE);
    await until(() => client.pushes[0], { what: 'the listener' });
    const text = JSON.stringify(await client.fetch({}));
    expect(text).toContain('tls_certificates');
    expect(text).not.toContain('"private"');
  });

  it('answers each request, also those that come in one piece', async () => {
    let open: ((call: ServerCall<Uint8Array>) => CallHandler<Uint8Array>) | undefined;
    const host = {
      stream: (_: unknown, opened: typeof open) => {
        open = opened;
      },
      unary: () => {},
    };
    const clients = new ClientStatusServer({ source: { contents: () => [] }, now: () => 0 });
    clients.register(host as ServiceHost);
    const said: string[] = [];
    const handler = open!({
      peer: '',
      isOpen: true,
      isFull: false,
      accept() {},
      write: () => said.push('answer') > 0,
      end: () => said.push('end'),
      fail: (_, details) => said.push(details),
      pause() {},
      resume() {},
    });
    for (let count = 0; count < 3; count++) handler.onMessage(encode(REQUEST, {}));
    handler.onEnd();
    await until(() => said.includes('end'), { what: 'the end' });
    expect(said).toEqual(['answer', 'answer', 'answer', 'end']);
  });
});
