import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildView, FakeControlPlane } from '../../test/support/build-view.ts';
import { captureRejection } from '../../test/support/capture-error.ts';
import { HowdahError } from '../model/errors.ts';
import { createLogger } from '../runtime/logger.ts';
import { ApiClient } from './client.ts';
import { SWITCHOVER_WAIT_MAX_MS } from './contract.ts';
import { ApiServer } from './server.ts';

const about = { name: 'control-plane', leads: true, pid: 7, version: '0', api: '', xds: '127.0.0.1:1', startedAt: 5 };
let controlPlane: FakeControlPlane;
let server: ApiServer;
let client: ApiClient;

beforeEach(async () => {
  controlPlane = new FakeControlPlane(buildView());
  server = new ApiServer({
    ...{ host: '127.0.0.1', port: 0, view: controlPlane, about: () => about },
    peers: { leads: () => true, leader: () => about, all: async () => [about] },
    log: createLogger({ level: 'silent', format: 'json' }),
    metrics: { contentType: 'text/plain', text: async () => '' },
  });
  await server.start();
  client = new ApiClient({ baseUrl: server.url, timeoutMs: 5000 });
});
afterEach(() => server.stop());

describe('what people ask for', () => {
  it('reaches the control plane with every default filled in', async () => {
    const { message, cluster } = await client.pause('orders');
    expect([message, cluster.name]).toEqual(['pause was stored', 'orders']);
    await client.resume('orders');
    await client.failover('orders', {});
    await client.failover('orders', { to: 'orders-2', acceptDataLoss: true });
    await client.restart('orders', {});
    await client.restart('orders', { instance: 'orders-2' });
    await client.reinit('orders', { instance: 'orders-2' });
    await client.fence('orders', { instance: 'orders-2' });
    await client.unfence('orders', { instance: 'orders-2' });
    expect(controlPlane.requests.map(({ request }) => request)).toEqual([
      { kind: 'pause' },
      { kind: 'resume' },
      { kind: 'failover', to: '', acceptDataLoss: false },
      { kind: 'failover', to: 'orders-2', acceptDataLoss: true },
      { kind: 'rolling-restart', why: 'by hand', waitMs: 0 },
      { kind: 'restart', instance: 'orders-2' },
      { kind: 'reinit', instance: 'orders-2' },
      { kind: 'fence', instance: 'orders-2', force: false },
      { kind: 'unfence', instance: 'orders-2' },
    ]);
  });

  it('is not stored by a dry run', async () => {
    expect((await client.failover('orders', { dryRun: true })).message).toBe('failover would be stored');
    expect(controlPlane.requests).toEqual([]);
  });

  it('is refused for a cluster that is none, and as the control plane says', async () => {
    expect(await captureRejection(client.pause('billing'))).toMatchObject({ code: 'not-found' });
    const problems = [{ path: 'fence', message: 'because' }];
    controlPlane.failure = new HowdahError('failed-precondition', 'fence is refused', { problems });
    expect(await captureRejection(client.fence('orders', { instance: 'orders-1' }))).toMatchObject({
      code: 'failed-precondition',
      problems,
    });
  });

  it('is checked before it is asked', async () => {
    const wrong = await captureRejection(client.restart('orders', { waitMs: SWITCHOVER_WAIT_MAX_MS + 1 }));
    expect(wrong).toMatchObject({ code: 'invalid-argument', problems: [{ path: 'waitMs' }] });
    const empty = await captureRejection(client.reinit('orders', { instance: '' }));
    expect(empty).toMatchObject({ code: 'invalid-argument', problems: [{ path: 'instance' }] });
    expect(controlPlane.requests).toEqual([]);
  });
});
