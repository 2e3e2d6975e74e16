import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { Session, SqlFailure } from './session.ts';

const directory = tempDir();
const sockets = new Set<Socket>();
let server: Server | undefined;
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
  directory.remove();
});

it('gives up at once what waits for a connection or an answer, when it is dropped', async () => {
  // Takes connections and says nothing, as a PostgreSQL that is about to end does.
  server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  server.listen(path.join(directory.path, '.s.PGSQL.5432'));
  const session = new Session({
    socketDir: directory.path,
    password: null,
    applicationName: 'test',
    timeoutMs: 60_000,
  });
  const queries = [session.query('select 1'), session.query('select 2')].map((query) => query.catch((error) => error));
  await until(() => sockets.size === 1, { what: 'a connection' });
  session.drop();
  for (const query of queries) {
    const error = await query;
    expect(error).toBeInstanceOf(SqlFailure);
    expect(error.kind).toBe('gone');
  }
});
