/** A session on one instance itself, past every proxy: what an operator with a shell there could do. */
import { join } from 'node:path';
import pg from 'pg';
import type { Lab } from './lab.ts';

export async function onInstance<T>(lab: Lab, instance: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const host = join(lab.directory(instance), 'socket');
  const client = new pg.Client({ host, port: 5432, user: 'postgres', database: 'postgres', query_timeout: 5_000 });
  // It may be ended by what is done with it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
