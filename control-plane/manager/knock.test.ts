import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HealthServer } from '../../agent/health/health-server.ts';
import { buildPlacement } from '../../test/support/build-record.ts';
import { NotYet, until } from '../../test/support/until.ts';
import { createLogger } from '../runtime/logger.ts';
import { knock, type Sound } from './knock.ts';

async function listening(server: Server | HttpServer): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Knocks until `last` is heard, and answers with all that was. */
function heard(port: number, last: Sound, stamp: string | null = null): Promise<Sound[]> {
  const sounds: Sound[] = [];
  const placement = { ...buildPlacement(0), host: '127.0.0.1' };
  const ports = { ...placement.ports, health: port };
  knock({ placement: { ...placement, ports }, epoch: 7, leaseMs: 5000, stamp }, (sound) => sounds.push(sound));
  const isThere = () => sounds.some((sound) => JSON.stringify(sound) === JSON.stringify(last));
  return until(() => (isThere() ? sounds : new NotYet(sounds)), { what: JSON.stringify(last) });
}

describe('knock', () => {
  it('hears a connection and the answer of an agent that leads the epoch, and tells it the next time', async () => {
    const knocks: { heard: string | null; leaseMs: number }[] = [];
    const view = { role: 'primary', epoch: 7, lagBytes: null, ready: true, detail: '' } as const;
    const server = new HealthServer({
      ...{ host: '127.0.0.1', port: 0, view: () => view, log: createLogger({ level: 'silent', format: 'json' }) },
      knocked: (heard, leaseMs) => `stamp ${knocks.push({ heard, leaseMs })}`.replace(' ', '-'),
    });
    await server.start();
    onTestFinished(() => server.stop());
    expect(await heard(server.port, { stamp: 'stamp-1' })).toEqual(['connection', { stamp: 'stamp-1' }]);
    await heard(server.port, { stamp: 'stamp-2' }, 'stamp-1');
    expect(knocks).toEqual([
      { heard: null, leaseMs: 5000 },
      { heard: 'stamp-1', leaseMs: 5000 },
    ]);
  });

  it('takes no other answer for one', async () => {
    let answered = false;
    const server = createHttpServer((_request, response) => {
      response.writeHead(503, { 'howdah-stamp': 'one' }).end('{}', () => {
        answered = true;
      });
    });
    const sounds = await heard(await listening(server), 'connection');
    await until(() => answered, { what: 'the answer' });
    expect(sounds).toEqual(['connection']);
  });

  it('hears that a machine takes connections while nobody speaks', async () => {
    const server = createServer((socket) => onTestFinished(() => void socket.destroy()));
    expect(await heard(await listening(server), 'connection')).toEqual(['connection']);
  });

  it('hears that nobody listens', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await heard(port, 'refusal')).toEqual(['refusal']);
  });
});
