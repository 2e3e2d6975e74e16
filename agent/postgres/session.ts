/**
 * One SQL connection of the agent over the unix socket, made when it is needed and again when it broke. No call takes
 * longer than its limit: a frozen PostgreSQL must not freeze its agent.
 */
import pg from 'pg';

export interface SessionOptions {
  readonly socketDir: string;
  /** Null with `auth: trust`. */
  readonly password: string | null;
  readonly applicationName: string;
  /** For connecting and for each statement. */
  readonly timeoutMs: number;
}

/**
 * `not-yet`: it runs but takes no connections (starting, or too many clients). `timeout`: no answer in time.
 * `gone`: nobody listens, or the connection broke. `failed`: the statement itself.
 */
export type SqlFailureKind = 'not-yet' | 'timeout' | 'gone' | 'failed';

export class SqlFailure extends Error {
  readonly kind: SqlFailureKind;
  constructor(kind: SqlFailureKind, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'SqlFailure';
    this.kind = kind;
  }
}

export type SqlRow = Readonly<Record<string, unknown>>;

export class Session {
  readonly #options: SessionOptions;
  #connection: Connection | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * `name`: prepared under it once a connection.
   * @throws SqlFailure; the connection is dropped but for `failed`.
   */
  async query(text: string, values: readonly unknown[] = [], name?: string): Promise<SqlRow[]> {
    this.#connection ??= this.#connect();
    const connection = this.#connection;
    try {
      const config: pg.QueryConfig = { text, values: [...values], ...(name === undefined ? {} : { name }) };
      const answer = connection.ready.then(() => connection.client.query<Record<string, unknown>>(config));
      return (await Promise.race([answer, connection.dropped])).rows;
    } catch (error) {
      const failure = error instanceof SqlFailure ? error : classify(error);
      if (failure.kind !== 'failed' && this.#connection === connection) this.drop();
      throw failure;
    }
  }

  /** Ends the connection without waiting for the other side; what waits for an answer gets a failure. */
  drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (!connection) return;
    connection.drop();
    connection.client.connection.stream.destroy();
    connection.client.end().catch(() => {});
  }

  #connect(): Connection {
    const { socketDir, password, applicationName, timeoutMs } = this.#options;
    const client = new pg.Client({
      host: socketDir,
      port: 5432,
      user: 'howdah',
      database: 'postgres',
      ...(password === null ? {} : { password }),
      application_name: applicationName,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      // The agent's own statements must not wait for standbys: those may be what it is to repair.
      options: `-c synchronous_commit=local -c statement_timeout=${timeoutMs}`,
    });
    const ready = client.connect();
    // The driver never settles a connect() that is ended meanwhile, and PostgreSQL can go at any moment.
    const { promise: dropped, reject } = Promise.withResolvers<never>();
    for (const promise of [ready, dropped]) promise.catch(() => {});
    const drop = () => reject(new SqlFailure('gone', new Error('the connection was given up')));
    const connection: Connection = { client, ready, dropped, drop };
    client.on('error', () => {
      if (this.#connection === connection) this.drop();
    });
    return connection;
  }
}

interface Connection {
  readonly client: pg.Client;
  readonly ready: Promise<unknown>;
  /** Rejects as soon as it is given up. */
  readonly dropped: Promise<never>;
  readonly drop: () => void;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const NOT_YET = ['57P03', '53300'];
const TIMED_OUT = ['57014'];
const BROKEN = ['57P01', '57P02', 'ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'];

function classify(error: unknown): SqlFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (NOT_YET.includes(code)) return new SqlFailure('not-yet', error);
  if (TIMED_OUT.includes(code) || /timeout/i.test(message)) return new SqlFailure('timeout', error);
  if (BROKEN.includes(code) || /terminated|closed/i.test(message)) return new SqlFailure('gone', error);
  return new SqlFailure('failed', error);
}
