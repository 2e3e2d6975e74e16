import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import type { HealthView } from './answer.ts';
import { HealthServer } from './health-server.ts';

let view: HealthView;
let server: HealthServer;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

beforeEach(async () => {
  view = { role: 'primary', epoch: 7, lagBytes: null, ready: true, detail: 'takes writes' };
  server = make(0);
  await server.start();
});
afterEach(async () => {
  await server.stop();
  agent.destroy();
});

function make(port: number): HealthServer {
  return new HealthServer({
    host: '127.0.0.1',
    port,
    view: () => view,
    knocked: (heard, leaseMs) => `${heard}, ${leaseMs}`,
    log: createLogger({ level: 'silent', format: 'json' }),
  });
}

async function ask(path: string): Promise<{ status: number; body: unknown; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port: server.port, path, agent }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode!, body: JSON.parse(text), reused: request.reusedSocket });
    });
    request.on('error', reject);
  });
}

describe('HealthServer', () => {
  it('answers from the view of this moment, on one connection', async () => {
    expect(await ask('/primary?epoch=7')).toEqual({
      status: 200,
      body: { reason: 'takes writes', role: 'primary', epoch: 7, lagBytes: null, ready: true },
      reused: false,
    });
    view = { ...view, role: 'standby', lagBytes: 12n };
    expect(await ask('/primary?epoch=7')).toMatchObject({ status: 503, body: { lagBytes: '12' }, reused: true });
    expect(await ask('/nothing')).toMatchObject({ status: 404 });
    expect(await ask('/standby?maxLag=x')).toMatchObject({ status: 400 });
  });

  it('gives a stamp to who knocks, and to nobody else', async () => {
    const stamp = async (headers: Record<string, string>) => {
      const response = await fetch(`http://127.0.0.1:${server.port}/primary?epoch=7`, { headers });
      return response.headers.get('howdah-stamp');
    };
    expect(await stamp({})).toBeNull();
    expect(await stamp({ 'howdah-lease-ms': 'soon' })).toBeNull();
    expect(await stamp({ 'howdah-lease-ms': '5000' })).toBe('null, 5000');
    expect(await stamp({ 'howdah-lease-ms': '5000', 'howdah-heard': 'boot/3' })).toBe('boot/3, 5000');
  });

  it('survives what is not HTTP', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.write('\x00\x03\x00\x00user\x00\r\n\r\n');
    await closed;
    expect(await ask('/ready')).toMatchObject({ status: 200 });
  });

  it('stops while a client keeps its connection, and can start again', async () => {
    await ask('/ready');
    await server.stop();
    await server.stop();
    expect(server.port).toBe(0);
    await server.start();
    expect(await ask('/ready')).toMatchObject({ status: 200, reused: false });
  });

  it('says when its port is taken', async () => {
    await expect(make(server.port).start()).rejects.toMatchObject({ code: 'failed-precondition' });
  });
});
