/**
 * A database pod's Envoy can't open a listener, because another process has its port: the operator sees it at once and
 * everywhere, traffic goes on, and it heals when the port is free.
 */
import { createServer, type Server } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { ProxyTypeStatus } from '../../control-plane/api/contract.ts';
import { decode } from '../../proto/decode.ts';
import { encode } from '../../proto/encode.ts';
import { isObject, type Json, type JsonObject } from '../../proto/json.ts';
import { howdah } from '../support/howdah-command.ts';
import { connect, LiveClusters, primaryOf } from '../support/live-cluster.ts';
import { NotYet, until } from '../support/until.ts';

const TAKEN = 'Address already in use';

let live: LiveClusters;
let blocker: Server | undefined;

beforeAll(async () => {
  live = new LiveClusters({ orders: '{ instances: 2 }' });
  await live.up.ready(90_000);
  await live.whole('orders');
}, 200_000);

afterAll(async () => {
  blocker?.close();
  await live.end();
}, 60_000);

async function ask(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await howdah(live.up.stateDir, command, ...args);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function listeners(proxy: string): Promise<ProxyTypeStatus | undefined> {
  return (await live.up.api().proxy(proxy)).types.find(({ shortName }) => shortName === 'LDS');
}

/** Takes the port as soon as whoever has it lets it go. */
async function take(port: number): Promise<Server> {
  for (;;) {
    const server = createServer((socket) => socket.destroy());
    const taken = await new Promise<boolean>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
      );
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (taken) return server;
  }
}

function portOf(config: unknown): number {
  const address = (config as { address?: { socket_address?: { port_value?: number } } } | null)?.address;
  const port = address?.socket_address?.port_value;
  if (!port) throw new Error(`no port in ${JSON.stringify(config)}`);
  return port;
}

/** What CSDS tells of one listener. */
async function clientStatus(xds: string, idSuffix: string, listener: string): Promise<JsonObject | undefined> {
  const client = new Client(xds, credentials.createInsecure());
  const raw = (bytes: Buffer) => bytes;
  const package_ = 'envoy.service.status.v3';
  const request = encode(`${package_}.ClientStatusRequest`, { node_matchers: [{ node_id: { suffix: idSuffix } }] });
  try {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const path = `/${package_}.ClientStatusDiscoveryService/FetchClientStatus`;
      client.makeUnaryRequest(path, raw, raw, Buffer.from(request), (error, bytes) => {
        if (error) reject(error);
        else resolve(bytes ?? Buffer.alloc(0));
      });
    });
    const { config } = decode(`${package_}.ClientStatusResponse`, answer);
    const clients = objects(config);
    expect(clients).toHaveLength(1);
    return objects(clients[0]?.generic_xds_configs).find(
      ({ name, type_url: type }) => name === listener && String(type).endsWith('.Listener'),
    );
  } finally {
    client.close();
  }
}

function objects(json: Json | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}

describe('a listener that a proxy refuses', () => {
  it('is shown, harms nothing else, and comes back by itself', async () => {
    onTestFailed(() => console.error(live.up.output));
    const api = live.up.api();
    const cluster = await live.up.cluster('orders');
    const standby = cluster.instances.find(({ name }) => name !== primaryOf(cluster).name);
    if (!standby) throw new Error('there is no standby');
    const config = await api.proxyConfig(standby.name);
    const any = config.types
      .find(({ shortName }) => shortName === 'LDS')
      ?.resources.find(({ name }) => name === 'any.orders');
    const port = portOf(any?.config);
    expect(await ask('proxy-config', standby.name, 'listeners')).toMatch(
      new RegExp(`^any\\.orders +127\\.0\\.0\\.1 +${port} +any\\.orders +SYNCED`, 'm'),
    );
    const session = await connect(cluster.endpoints.rw);
    await session.query('create table t (id int)');

    // Envoy is gone for a moment, and somebody else has the port when it is back.
    const taking = take(port);
    process.kill(standby.pids.envoy, 'SIGKILL');
    blocker = await taking;
    const refused = await until(
      async () => {
        const found = await listeners(standby.name);
        return found?.nacked ? { ...found.nacked, seenAt: Date.now() } : new NotYet(found);
      },
      { what: 'the refusal to be shown', timeoutMs: 30_000 },
    );
    expect(refused.seenAt - refused.at).toBeLessThan(1000);
    expect(refused).toMatchObject({ error: expect.stringContaining(TAKEN), resources: ['any.orders'] });
    expect(await ask('proxy-status')).toContain('NACK');
    expect(await ask('proxy-status', standby.name)).toContain(TAKEN);
    expect(await ask('describe', 'orders')).toMatch(
      new RegExp(`ProxiesAccept +False +instance/orders/${standby.name} refused Listener any\\.orders: .*${TAKEN}`),
    );
    const { api: url, xds } = live.up.controlPlane();
    expect(await clientStatus(xds, standby.name, 'any.orders')).toMatchObject({
      config_status: 'ERROR',
      client_status: 'NACKED',
      error_state: { details: expect.stringContaining(TAKEN) },
    });
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^howdah_xds_refusing_proxies 1$/m);

    // All else of that proxy works: writes wait for this very standby, whose replication goes through it.
    await session.query('insert into t values (1)');
    const reader = await connect(cluster.endpoints.any);
    expect((await reader.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await reader.end();

    // It is refused again and again, and that is no news: the refusal is as old as it was.
    expect((await listeners(standby.name))?.nacked?.at).toBe(refused.at);

    blocker.close();
    blocker = undefined;
    await until(
      async () => {
        const found = await listeners(standby.name);
        return found?.state === 'SYNCED' || new NotYet(found);
      },
      { what: 'the listener to open', timeoutMs: 40_000 },
    );
    const local = await connect(`127.0.0.1:${port}`);
    expect((await local.query('select count(*)::int as rows from t')).rows).toEqual([{ rows: 1 }]);
    await local.end();
    await session.end();
    const { conditions } = await live.up.cluster('orders');
    expect(conditions.find(({ type }) => type === 'ProxiesAccept')?.status).toBe('True');
  }, 120_000);
});
