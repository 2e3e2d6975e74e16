/** One client's connection: made anew when it broke, and exact about what a failure says of a statement. */
import { Client, DatabaseError } from 'pg';
import type { Outcome } from '../check/history.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Of role postgres; undefined where it needs none. */
  readonly password?: string | undefined;
}

export type Answer<T> =
  | { readonly outcome: 'ok'; readonly value: T }
  | { readonly outcome: Exclude<Outcome, 'ok'>; readonly why: string };

/** An answer that does not come in this time is given up, ms. */
const QUERY_LIMIT_MS = 5_000;
const CONNECT_LIMIT_MS = 2_000;
const RETRY_MS = 5;
/**
 * Classes of SQLSTATE that say that a statement was undone: transaction state, rolled back for concurrency, resources,
 * object state, syntax. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNDONE = ['25', '40', '42', '53', '55'];

export class Connection {
  /** Rises with each connection that was made. */
  number = 0;
  readonly #address: Address;
  readonly #signal: AbortSignal;
  #client: Client | null = null;
  #warned = false;

  constructor(address: Address, signal: AbortSignal) {
    this.#address = address;
    this.#signal = signal;
  }

  /** Resolves with false when the probe was stopped before there was a connection. */
  async ready(): Promise<boolean> {
    while (this.#client === null && !this.#signal.aborted) {
      const client = new Client({
        ...this.#address,
        user: 'postgres',
        database: 'postgres',
        query_timeout: QUERY_LIMIT_MS,
        connectionTimeoutMillis: CONNECT_LIMIT_MS,
      });
      // A connection that breaks between two statements is noticed by the next one.
      client.on('error', () => undefined);
      client.on('notice', ({ severity }) => {
        this.#warned ||= severity === 'WARNING';
      });
      try {
        await client.connect();
        this.#client = client;
        this.number++;
      } catch {
        void client.end().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    return !this.#signal.aborted;
  }

  /** To be called when ready. A warning makes it unknown: PostgreSQL warns when it gives up waiting for standbys. */
  async query<T extends object>(text: string, values: readonly unknown[]): Promise<Answer<T[]>> {
    const client = this.#client!;
    this.#warned = false;
    try {
      const { rows } = await client.query<T>(text, [...values]);
      return this.#warned ? { outcome: 'unknown', why: 'a warning' } : { outcome: 'ok', value: rows };
    } catch (error) {
      this.drop();
      const undone = error instanceof DatabaseError && UNDONE.includes(error.code?.slice(0, 2) ?? '');
      return { outcome: undone ? 'failed' : 'unknown', why: error instanceof Error ? error.message : String(error) };
    }
  }

  drop(): void {
    const client = this.#client;
    this.#client = null;
    void client?.end().catch(() => undefined);
  }
}
