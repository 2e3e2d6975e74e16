import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildPlacement } from '../../test/support/build-record.ts';
import { NotYet, until } from '../../test/support/until.ts';
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
    const asked: unknown[] = [];
    const server = createHttpServer(({ url, headers }, response) => {
      asked.push([url, headers['howdah-lease-ms'], headers['howdah-heard']]);
      response.writeHead(200, { 'content-type': 'application/json', 'Howdah-Stamp': `boot/${asked.length}` }).end('{}');
    });
    const port = await listening(server);
    expect(await heard(port, { stamp: 'boot/1' })).toEqual(['connection', { stamp: 'boot/1' }]);
    await heard(port, { stamp: 'boot/2' }, 'boot/1');
    expect(asked).toEqual([
      ['/primary?epoch=7', '5000', undefined],
      ['/primary?epoch=7', '5000', 'boot/1'],
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
