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

/** Knocks until something is heard, and answers with all that was. */
function heard(port: number, last: Sound): Promise<Sound[]> {
  const sounds: Sound[] = [];
  const placement = buildPlacement(0);
  knock({ ...placement, host: '127.0.0.1', ports: { ...placement.ports, health: port } }, 7, (sound) =>
    sounds.push(sound),
  );
  return until(() => (sounds.includes(last) ? sounds : new NotYet(sounds)), { what: last });
}

describe('knock', () => {
  it('hears a connection, and the answer of an agent that leads the epoch', async () => {
    const asked: (string | undefined)[] = [];
    const server = createHttpServer(({ url }, response) => {
      asked.push(url);
      response.writeHead(200).end('{}');
    });
    expect(await heard(await listening(server), 'answer')).toEqual(['connection', 'answer']);
    expect(asked).toEqual(['/primary?epoch=7']);
  });

  it('takes no other answer for one', async () => {
    let answered = false;
    const server = createHttpServer((_request, response) => {
      response.writeHead(503).end('{}', () => {
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
