import { createServer, type RequestListener, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildProxy, buildRefusal, buildTypeStatus } from '../../test/support/build-proxy.ts';
import { buildRecord, buildSpec } from '../../test/support/build-record.ts';
import { buildView, FakeControlPlane } from '../../test/support/build-view.ts';
import { captureRejection } from '../../test/support/capture-error.ts';
import { ERROR_CODES, type ErrorCode, HowdahError } from '../model/errors.ts';
import { createLogger } from '../runtime/logger.ts';
import { ApiClient } from './client.ts';
import { errorBodySchema } from './contract.ts';
import type { Peers } from './peers.ts';
import { ApiServer, BODY_LIMIT_BYTES } from './server.ts';

const log = createLogger({ level: 'silent', format: 'json' });
const peers: Peers = { leads: () => true, leader: () => about(), all: async () => [about()] };
const about = () => ({
  name: 'control-plane',
  leads: peers.leads(),
  pid: 7,
  version: '0.1.0',
  api: server.url,
  xds: '127.0.0.1:1',
  startedAt: 5,
});

const metrics = { contentType: 'text/plain; version=0.0.4', text: async () => 'howdah_clusters 1\n' };

let controlPlane: FakeControlPlane;
let server: ApiServer;
let client: ApiClient;

beforeEach(async () => {
  controlPlane = new FakeControlPlane(buildView());
  server = new ApiServer({ host: '127.0.0.1', port: 0, view: controlPlane, about, peers, log, metrics });
  await server.start();
  client = new ApiClient({ baseUrl: server.url, timeoutMs: 5000 });
});
afterEach(() => server.stop());

interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A request as anybody may send it; fetch would not let a test set Host. */
async function send({ method = 'GET', path = '/v1/status', headers = {}, body }: RawRequest) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const outgoing = request(`${server.url}${path}`, { method, headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      text += part;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    response.on('error', reject);
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

async function sendForError(raw: RawRequest) {
  const { status, text } = await send(raw);
  return { status, ...errorBodySchema.parse(JSON.parse(text)).error };
}

describe('each route', () => {
  it('GET /healthz', async () => {
    expect(await client.health()).toEqual({ ok: true });
  });

  it('GET /v1/status', async () => {
    const status = await client.status();
    expect(status.controlPlane).toEqual(about());
    expect(status.clusters.map(({ name, primary }) => [name, primary])).toEqual([['orders', 'orders-1']]);
  });

  it('GET /v1/clusters/:name', async () => {
    expect(await client.cluster('orders')).toEqual((await client.status()).clusters[0]);
    const error = await captureRejection(client.cluster('users'));
    expect([error.code, error.message]).toEqual(['not-found', 'there is no cluster users; there are: orders']);
  });

  it('GET /v1/clusters/:name/history', async () => {
    expect(await client.history('orders')).toEqual({ entries: buildRecord().history });
    expect((await captureRejection(client.history('users'))).code).toBe('not-found');
  });

  it('PUT /v1/clusters/:name', async () => {
    expect((await client.apply(buildSpec({ name: 'users' }))).endpoints.rw).toBe('127.0.0.1:6432');
    expect((await client.cluster('users')).name).toBe('users');
  });

  it('POST /v1/clusters/:name/switchover', async () => {
    const result = await client.switchover('orders', { to: 'orders-3', waitMs: 100 });
    expect(result).toMatchObject({ from: 'orders-1', to: 'orders-3', epoch: 2 });
    expect(controlPlane.switchovers).toEqual([{ name: 'orders', request: { to: 'orders-3', waitMs: 100 } }]);
    expect((await captureRejection(client.switchover('users', {}))).code).toBe('not-found');
  });

  it('GET /v1/proxies', async () => {
    controlPlane.proxyStates = [buildProxy('gateway/local', buildRefusal('no such filter'), buildTypeStatus())];
    expect(await client.proxies()).toEqual({ proxies: controlPlane.proxyStates });
  });

  it('GET /v1/proxies/:id', async () => {
    controlPlane.proxyStates = [buildProxy('gateway/local'), buildProxy('instance/orders/orders-1')];
    expect(await client.proxy('orders-1')).toEqual(controlPlane.proxyStates[1]);
    expect(await client.proxy('instance/orders/orders-1')).toEqual(controlPlane.proxyStates[1]);
    const error = await captureRejection(client.proxy('order-1'));
    expect([error.code, error.message]).toEqual(['not-found', 'there is no proxy order-1; did you mean "orders-1"?']);
    expect((await captureRejection(client.proxy('x'.repeat(300)))).code).toBe('invalid-argument');
  });

  it('GET /v1/proxies/:id/config', async () => {
    const id = 'gateway/local';
    const resource = { name: 'rw', state: 'SYNCED', version: 'v1', config: { name: 'rw' }, refused: null } as const;
    const config = { id, types: [{ type: 'type.googleapis.com/x.Y', shortName: 'Y', resources: [resource] }] };
    controlPlane.proxyStates = [buildProxy(id)];
    controlPlane.proxyConfigs.set(id, config);
    expect(await client.proxyConfig('local')).toEqual(config);
    expect((await captureRejection(client.proxyConfig('loca'))).message).toContain('did you mean "local"?');
  });
});

it('GET /metrics is text for Prometheus', async () => {
  const response = await fetch(`${server.url}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(await response.text()).toBe('howdah_clusters 1\n');
});

describe('errors', () => {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];

  it.each(codes)('%s reaches the client as it was thrown, with its HTTP status', async (code) => {
    const problems = [{ path: 'spec.instances', message: 'keep at least 3', line: 4 }];
    controlPlane.failure = new HowdahError(code, 'it went wrong', { problems });
    const error = await captureRejection(client.switchover('orders', {}));
    expect([error.code, error.message, error.problems]).toEqual([code, 'it went wrong', problems]);
    const raw = { method: 'POST', path: '/v1/clusters/orders/switchover', body: '{}' };
    const { status } = await send({ ...raw, headers: { 'content-type': 'application/json' } });
    expect(status).toBe(ERROR_CODES[code].http);
  });

  it('gives anything else that is thrown as internal', async () => {
    controlPlane.failure = new TypeError('a defect');
    expect((await captureRejection(client.switchover('orders', {}))).code).toBe('internal');
  });

  it('lists every mistake of a specification with its path', async () => {
    const spec = buildSpec({
      instances: 2,
      durability: { mode: 'strict', quorum: 2 },
      postgres: { auth: 'trust', parameters: { listen_addresses: '*' } },
      routes: { ...buildSpec().routes, rw: { port: 0 }, any: { port: 6433 } },
    });
    const error = await captureRejection(client.apply(spec));
    expect(error.code).toBe('invalid-argument');
    expect(error.problems.map(({ path }) => path).sort()).toEqual([
      'durability.quorum',
      'postgres.parameters.listen_addresses',
      'routes.any.port',
      'routes.rw.port',
    ]);
  });

  it('lists every field that is missing, of the wrong type or unknown', async () => {
    const { failover: _, ...spec } = { ...buildSpec(), instances: 'three', color: 'grey' };
    const error = await sendForError({
      method: 'PUT',
      path: '/v1/clusters/orders',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(spec),
    });
    expect([error.status, error.code]).toEqual([400, 'invalid-argument']);
    expect(error.problems.map(({ path }) => path).sort()).toEqual(['', 'failover', 'instances']);
  });

  it('refuses a spec under the name of another cluster', async () => {
    const error = await sendForError({
      method: 'PUT',
      path: '/v1/clusters/users',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(buildSpec()),
    });
    expect(error.problems).toEqual([{ path: 'name', message: 'is orders, but the request is for users' }]);
  });

  it.each<[string, RawRequest, number, ErrorCode]>([
    ['an unknown path', { path: '/v2/status' }, 404, 'not-found'],
    ['an unknown method', { method: 'DELETE', path: '/v1/clusters/orders' }, 404, 'not-found'],
    ['a name that is none', { path: '/v1/clusters/No_Name' }, 400, 'invalid-argument'],
    ['an unknown query', { path: '/v1/status?verbose=1' }, 400, 'invalid-argument'],
  ])('refuses %s', async (_, raw, status, code) => {
    expect(await sendForError(raw)).toMatchObject({ status, code });
  });

  const post = { method: 'POST', path: '/v1/clusters/orders/switchover' };
  const json = { 'content-type': 'application/json' };
  it.each<[string, RawRequest, number, ErrorCode]>([
    ['no JSON', { ...post, headers: json, body: '{' }, 400, 'invalid-argument'],
    ['no body', { ...post, headers: json }, 400, 'invalid-argument'],
    ['an unknown field', { ...post, headers: json, body: '{"force":true}' }, 400, 'invalid-argument'],
    ['a negative wait', { ...post, headers: json, body: '{"waitMs":-1}' }, 400, 'invalid-argument'],
    ['too large a body', { ...post, headers: json, body: ' '.repeat(BODY_LIMIT_BYTES + 1) }, 429, 'resource-exhausted'],
  ])('refuses a write with %s', async (_, raw, status, code) => {
    expect(await sendForError(raw)).toMatchObject({ status, code });
    expect(controlPlane.switchovers).toEqual([]);
  });
});

describe('pages in a browser', () => {
  const write = { method: 'POST', path: '/v1/clusters/orders/switchover', body: '{}' };

  it.each([{}, { 'content-type': 'text/plain' }, { 'content-type': 'application/x-www-form-urlencoded' }])(
    'can not write with a form or a simple request: %j',
    async (headers) => {
      expect(await sendForError({ ...write, headers: { ...headers } })).toMatchObject({ code: 'invalid-argument' });
      expect(controlPlane.switchovers).toEqual([]);
    },
  );

  it.each<Record<string, string>>([
    { host: 'evil.example' },
    { host: 'evil.example:80' },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('are refused: %j', async (headers) => {
    expect(await sendForError({ headers })).toMatchObject({ status: 400, code: 'invalid-argument' });
    expect(await sendForError({ ...write, headers: { 'content-type': 'application/json', ...headers } })).toMatchObject(
      {
        code: 'invalid-argument',
      },
    );
    expect(controlPlane.switchovers).toEqual([]);
  });

  it('of the API itself are let in, by address and as localhost', async () => {
    const { host, port } = new URL(server.url);
    for (const headers of [
      { origin: server.url, 'sec-fetch-site': 'same-origin' },
      { host, 'sec-fetch-site': 'none' },
      { host: `localhost:${port}` },
      { host: `[::1]:${port}` },
    ]) {
      expect((await send({ headers: { ...headers } })).status).toBe(200);
    }
  });
});

describe('client', () => {
  it('says what to do when nothing listens', async () => {
    await server.stop();
    const error = await captureRejection(client.status());
    expect(error.code).toBe('unavailable');
    expect(error.message).toContain(server.url);
    expect(error.message).toContain('howdah up -f FILE');
    expect(error.message).toContain('--state-dir');
  });

  it('gives up after its limit', async () => {
    await using silent = await listen(() => {});
    const impatient = new ApiClient({ baseUrl: silent.url, timeoutMs: 50 });
    const error = await captureRejection(impatient.status());
    expect([error.code, error.message]).toEqual([
      'deadline-exceeded',
      `the control plane at ${silent.url} did not answer within 50 ms`,
    ]);
  });

  it.each([200, 404, 500])('knows an answer %i that is not of a control plane', async (status) => {
    await using other = await listen((_, response) => response.writeHead(status).end('<html>'));
    const error = await captureRejection(new ApiClient({ baseUrl: other.url, timeoutMs: 5000 }).status());
    expect(error.code).toBe('unavailable');
    expect(error.message).toContain('is not a Howdah control plane');
  });
});

/** Another HTTP server, closed when the block that holds it is left. */
async function listen(listener: RequestListener): Promise<AsyncDisposable & { url: string }> {
  const other = createServer(listener);
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    },
  };
}

it('says so when its port is taken', async () => {
  const { port } = new URL(server.url);
  const second = new ApiServer({
    host: '127.0.0.1',
    port: Number(port),
    view: controlPlane,
    about,
    peers,
    log,
    metrics,
  });
  const error = await captureRejection(second.start());
  expect(error.code).toBe('failed-precondition');
  expect(error.message).toContain(`127.0.0.1:${port}`);
  await second.stop();
});
