/** Whether an application could write now: asked of PostgreSQL itself, on the way that an application takes. */
import pg from 'pg';

const PROBE_LIMIT_MS = 2_000;

/** @param endpoint `HOST:PORT` of the rw route. */
export async function takesWrites(endpoint: string, password: string | undefined): Promise<boolean> {
  const colon = endpoint.lastIndexOf(':');
  const client = new pg.Client({
    host: endpoint.slice(0, colon),
    port: Number(endpoint.slice(colon + 1)),
    user: 'postgres',
    database: 'postgres',
    application_name: 'howdah up',
    connectionTimeoutMillis: PROBE_LIMIT_MS,
    query_timeout: PROBE_LIMIT_MS,
    ...(password === undefined ? {} : { password }),
  });
  // A session that is cut while idle must not end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ writable: boolean }>('select not pg_is_in_recovery() as writable');
    return rows[0]?.writable === true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
