/** One connection of a client that comes back by itself: what every application behind Howdah has to do. */
import { Client, type ClientConfig } from 'pg';

/** Between two tries to connect, ms: short, because each refused try costs the proxy almost nothing. */
const RETRY_MS = 5;
/** An answer that does not come in this time counts as an outage of its own, ms. */
const QUERY_LIMIT_MS = 2000;

export class Session {
  readonly #config: ClientConfig;
  #client: Client | null = null;
  #stopped = false;

  constructor(config: ClientConfig) {
    this.#config = { ...config, query_timeout: QUERY_LIMIT_MS, connectionTimeoutMillis: QUERY_LIMIT_MS };
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Runs `use` on the connection, made anew if need be; null when it failed and the connection was given up. */
  async attempt<T>(use: (client: Client) => Promise<T>): Promise<T | null> {
    try {
      this.#client ??= await this.#connect();
      return await use(this.#client);
    } catch {
      this.#drop();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return null;
    } finally {
      // Stopped while it connected.
      if (this.#stopped) this.#drop();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#client?.end().catch(() => undefined);
    this.#client = null;
  }

  async #connect(): Promise<Client> {
    const client = new Client(this.#config);
    // A connection that breaks between two queries is noticed by the next one.
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    return client;
  }

  #drop(): void {
    const client = this.#client;
    this.#client = null;
    void client?.end().catch(() => undefined);
  }
}
