/**
 * A load that knows what was promised to it: writers that remember every acknowledged row, readers that remember who
 * answered. A commit whose answer was lost is looked up before it is tried again, so a row written twice is a defect.
 */
import type { Client } from 'pg';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import { Answers } from './answers.ts';
import { Session } from './session.ts';

export interface WorkloadOptions {
  readonly rw: Endpoint;
  readonly ro: Endpoint;
  readonly password: string | undefined;
  readonly writers: number;
  readonly readers: number;
  /** Between two statements of one client, ms. */
  readonly pauseMs: number;
  readonly clock: Clock;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged and not there: must be 0. */
  readonly lost: number;
  /** There more than once: must be 0. */
  readonly duplicates: number;
  /** There without having been acknowledged: the answer was lost, not the row. */
  readonly unanswered: number;
}

export class Workload {
  readonly writes = new Answers();
  readonly reads = new Answers();
  /** Answers of ro from an instance that was not in recovery. */
  readsFromPrimary = 0;
  /** Between two statements of one client, ms. */
  pauseMs: number;
  readonly #options: WorkloadOptions;
  readonly #acknowledged = new Set<number>();
  readonly #sessions: Session[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #nextId = 1;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.pauseMs = options.pauseMs;
  }

  /** @throws HowdahError `unavailable` when stop() was called before the table was there. */
  async start(): Promise<void> {
    await this.#once(this.#options.rw, (client) =>
      client.query('create table if not exists howdah_demo (id bigint, at timestamptz default now())'),
    );
    await this.#once(this.#options.rw, (client) => client.query('truncate howdah_demo'));
    const loops: Promise<void>[] = [];
    for (let i = 0; i < this.#options.writers; i++) loops.push(this.#write(this.#session(this.#options.rw)));
    for (let i = 0; i < this.#options.readers; i++) loops.push(this.#read(this.#session(this.#options.ro)));
    this.#running = Promise.all(loops);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.stop()));
    await this.#running;
  }

  /**
   * Compares what was acknowledged with what is there now.
   * @throws HowdahError `unavailable` when stop() was called meanwhile.
   */
  async verify(): Promise<Verdict> {
    const acknowledged = [...this.#acknowledged];
    const rows = await this.#once(this.#options.rw, (client) =>
      client.query<{ id: string; count: string }>('select id, count(*) as count from howdah_demo group by id'),
    );
    const counts = new Map(rows.rows.map((row) => [Number(row.id), Number(row.count)]));
    return {
      acknowledged: acknowledged.length,
      lost: acknowledged.filter((id) => !counts.has(id)).length,
      duplicates: [...counts.values()].filter((count) => count > 1).length,
      unanswered: [...counts.keys()].filter((id) => !this.#acknowledged.has(id)).length,
    };
  }

  async #write(session: Session): Promise<void> {
    while (!session.stopped) {
      const id = this.#nextId++;
      const since = this.#options.clock.now();
      let tried = false;
      for (let done = false; !done && !session.stopped; ) {
        const answer = await session.attempt(async (client) => {
          // Indeterminate, not failed: the row may be there though nobody said so.
          if (tried && (await client.query('select 1 from howdah_demo where id = $1', [id])).rowCount !== 0)
            return true;
          tried = true;
          await client.query('insert into howdah_demo (id) values ($1)', [id]);
          return true;
        });
        done = answer === true;
      }
      if (session.stopped) return;
      this.#acknowledged.add(id);
      const now = this.#options.clock.now();
      this.writes.add(now, now - since);
      await this.#pause();
    }
  }

  async #read(session: Session): Promise<void> {
    let since = this.#options.clock.now();
    while (!session.stopped) {
      const standby = await session.attempt(async (client) => {
        const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
        return rows[0]?.standby ?? false;
      });
      // A read that failed is tried again at once: what its client waits for goes on.
      if (standby === null) continue;
      const now = this.#options.clock.now();
      this.reads.add(now, now - since);
      if (!standby) this.readsFromPrimary++;
      await this.#pause();
      since = this.#options.clock.now();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.pauseMs));
  }

  #session({ host, port }: Endpoint): Session {
    const { password } = this.#options;
    const session = new Session({
      host,
      port,
      user: 'postgres',
      database: 'postgres',
      ...(password === undefined ? {} : { password }),
    });
    this.#sessions.push(session);
    return session;
  }

  async #once<T>(endpoint: Endpoint, use: (client: Client) => Promise<T>): Promise<T> {
    const session = this.#session(endpoint);
    try {
      while (!session.stopped) {
        const answer = await session.attempt(use);
        if (answer !== null) return answer;
      }
      throw new HowdahError('unavailable', 'the load was stopped');
    } finally {
      await session.stop();
      this.#sessions.splice(this.#sessions.indexOf(session), 1);
    }
  }
}
