/**
 * Stands for an instance behind a proxy: says its name to each session and then echoes; answers health checks beside it
 * as its agent would. And the client's side of such a session.
 */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { until } from './until.ts';

export interface FakeBackend extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly healthPort: number;
  /** What a health check of this path gets; `good` by default. */
  health: (path: string) => Health;
}

/** 200, 503 or no answer at all. */
export type Health = 'good' | 'bad' | 'silent';

/** @param socketPath listens there instead of on a port */
export async function startBackend(name: string, socketPath?: string): Promise<FakeBackend> {
  const sessions = new Set<Socket>();
  const server = createServer((socket) => {
    sessions.add(socket);
    socket.on('close', () => sessions.delete(socket)).on('error', () => socket.destroy());
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  const health = createHttpServer((request, response) => {
    const answer = backend.health(request.url ?? '');
    if (answer !== 'silent') response.writeHead(answer === 'good' ? 200 : 503).end();
  });
  server.listen(socketPath === undefined ? { port: 0, host: '127.0.0.1' } : { path: socketPath });
  health.listen(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(health, 'listening')]);
  const backend: FakeBackend = {
    name,
    port: socketPath === undefined ? portOf(server) : 0,
    healthPort: portOf(health),
    health: () => 'good',
    async [Symbol.asyncDispose]() {
      for (const socket of sessions) socket.destroy();
      health.closeAllConnections();
      await Promise.all([server, health].map((listening) => new Promise((resolve) => listening.close(resolve))));
    },
  };
  return backend;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export interface Session extends Disposable {
  /** Name of the backend; '' when the session ended before one spoke. Rejects when the port refuses. */
  readonly backend: Promise<string>;
  /** The time (performance.now) when it ended. */
  readonly closed: Promise<number>;
  /** Sends a word and waits for its echo. Rejects when the session is over. */
  echo(word: string): Promise<void>;
}

export function openSession(port: number): Session {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').setNoDelay();
  let received = '';
  let refused: Error | undefined;
  socket.on('data', (text) => {
    received += text;
  });
  socket.on('error', (error) => {
    if ('code' in error && error.code === 'ECONNREFUSED') refused = error;
  });
  const closed = new Promise<number>((resolve) => socket.once('close', () => resolve(performance.now())));
  const spoken = new Promise<string>((resolve) => {
    socket.on('data', () => {
      if (received.includes('\n')) resolve(received.slice(0, received.indexOf('\n')));
    });
  });
  const silent = closed.then(() => {
    if (refused !== undefined) throw refused;
    return '';
  });
  const backend = Promise.race([spoken, silent]);
  backend.catch(() => {});
  silent.catch(() => {});
  return {
    backend,
    closed,
    async echo(word) {
      socket.write(`${word}\n`);
      await until(
        () => {
          if (received.includes(`\n${word}\n`)) return true;
          if (socket.destroyed) throw new Error('the session is over');
          return false;
        },
        { what: `the echo of ${word}`, timeoutMs: 2000, intervalMs: 5 },
      );
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Which backend answers a new session; '' when it is closed without one, 'refused' when nobody listens. */
export async function whoAnswers(port: number): Promise<string> {
  using session = openSession(port);
  return await session.backend.catch(() => 'refused');
}
