/**
 * Clients that write and read through Envoy and remember every call and answer. Writers put a new row and its id into a
 * register, in one statement; readers of rw read registers, readers of ro look how far each writer's rows have come.
 */
import { Answers } from '../../../cli/demo/answers.ts';
import { systemClock } from '../../../control-plane/runtime/clock.ts';
import { NotYet, until } from '../../support/until.ts';
import type { Glance, History, Operation } from '../check/history.ts';
import { judge, type Verdict } from '../check/verdict.ts';
import { type Address, Connection } from './connection.ts';

const WRITERS = 4;
const RW_READERS = 2;
const RO_READERS = 2;
const REGISTERS = 8;
/** Between two statements of one client, ms. */
const PAUSE_MS = 4;

/** One statement, as all of them here. */
const SETUP = `do $$ begin
  create table if not exists probe_rows (writer int, id bigint, primary key (writer, id));
  create table if not exists probe_registers (key bigint primary key, value bigint not null);
end $$`;
const WRITE = `with added as (insert into probe_rows values ($1, $2)) update probe_registers set value = $2 where key = $3`;
const READ = `select value, current_setting('synchronous_standby_names') as names from probe_registers where key = $1`;
const GLANCE = 'select coalesce(max(id), 0) as highest from probe_rows where writer = $1';
const LAST = 'select coalesce(max(id), 0) as last from probe_rows';
const ROWS = 'select id from probe_rows';

export class Probe {
  readonly writes = new Answers();
  readonly reads = new Answers();
  readonly #rw: Address;
  readonly #ro: Address;
  readonly #strict: boolean;
  readonly #stop = new AbortController();
  readonly #operations: Operation[] = [];
  readonly #glances: Glance[] = [];
  #unprotectedReads = 0;
  #nextId = 1;
  #firstKey = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: { readonly rw: Address; readonly ro: Address; readonly strict: boolean }) {
    this.#rw = options.rw;
    this.#ro = options.ro;
    this.#strict = options.strict;
  }

  /**
   * Makes registers of its own and starts; resolves under load: a statement that an earlier probe gave up can still be
   * on its way, and change those that it knew. Rows of earlier probes stay, and ids go on above theirs: a standby that
   * hasn't replayed all shows less of them and never more.
   */
  async start(): Promise<void> {
    await this.#insist(SETUP);
    const [row] = await this.#insist<{ last: string }>(LAST);
    this.#nextId = Number(row?.last ?? 0) + 1;
    this.#firstKey = this.#nextId * REGISTERS;
    const keys = `generate_series(${this.#firstKey}, ${this.#firstKey + REGISTERS - 1})`;
    // Tried again until it is answered, so it may have happened already.
    await this.#insist(`insert into probe_registers select key, 0 from ${keys} key on conflict do nothing`);
    const clients: Promise<void>[] = [];
    for (let writer = 1; writer <= WRITERS; writer++) clients.push(this.#write(writer));
    for (let reader = 1; reader <= RW_READERS; reader++) clients.push(this.#read(WRITERS + reader));
    for (let reader = 1; reader <= RO_READERS; reader++) clients.push(this.#look(reader));
    this.#running = Promise.all(clients);
    await this.load();
  }

  /** Until so many writes more are acknowledged. */
  async load(writes = 100, timeoutMs = 60_000): Promise<void> {
    const enough = this.writes.total + writes;
    await until(() => this.writes.total >= enough, { what: `${writes} writes more`, timeoutMs });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** To be called after stop(), when the cluster takes writes. */
  async verdict(): Promise<Verdict> {
    const history: History = {
      operations: this.#operations,
      glances: this.#glances,
      unprotectedReads: this.#strict ? this.#unprotectedReads : 0,
    };
    const rows = await this.#insist<{ id: string }>(ROWS);
    return judge(history, new Set(rows.map(({ id }) => Number(id))));
  }

  async #write(writer: number): Promise<void> {
    await this.#each(this.#rw, async (connection) => {
      const [id, key] = [this.#nextId++, this.#register()];
      const calledAt = systemClock.now();
      const answer = await connection.query(WRITE, [writer, id, key]);
      const answeredAt = systemClock.now();
      const { outcome } = answer;
      this.#operations.push({ client: writer, kind: 'write', key, value: id, calledAt, answeredAt, outcome });
      if (outcome === 'ok') this.writes.add(answeredAt, answeredAt - calledAt);
    });
  }

  async #read(client: number): Promise<void> {
    await this.#each(this.#rw, async (connection) => {
      const key = this.#register();
      const calledAt = systemClock.now();
      const answer = await connection.query<{ value: string; names: string }>(READ, [key]);
      const answeredAt = systemClock.now();
      const [row] = answer.outcome === 'ok' ? answer.value : [];
      if (row === undefined) return;
      if (row.names === '') this.#unprotectedReads++;
      const value = Number(row.value);
      this.#operations.push({ client, kind: 'read', key, value, calledAt, answeredAt, outcome: 'ok' });
    });
  }

  async #look(reader: number): Promise<void> {
    await this.#each(this.#ro, async (connection) => {
      const writer = 1 + Math.floor(Math.random() * WRITERS);
      const calledAt = systemClock.now();
      const answer = await connection.query<{ highest: string }>(GLANCE, [writer]);
      const [row] = answer.outcome === 'ok' ? answer.value : [];
      if (row === undefined) return;
      const at = systemClock.now();
      this.reads.add(at, at - calledAt);
      const number = reader * 1_000_000 + connection.number;
      this.#glances.push({ connection: number, writer, highest: Number(row.highest), at });
    });
  }

  async #each(address: Address, act: (connection: Connection) => Promise<void>): Promise<void> {
    const connection = new Connection(address, this.#stop.signal);
    while (await connection.ready()) {
      await act(connection);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    connection.drop();
  }

  #register(): number {
    return this.#firstKey + Math.floor(Math.random() * REGISTERS);
  }

  /** Again until it is answered. */
  async #insist<T extends object>(text: string): Promise<T[]> {
    const connection = new Connection(this.#rw, new AbortController().signal);
    try {
      return await until(
        async () => {
          await connection.ready();
          const answer = await connection.query<T>(text, []);
          return answer.outcome === 'ok' ? answer.value : new NotYet(answer.why);
        },
        { what: 'an answer through rw', timeoutMs: 60_000 },
      );
    } finally {
      connection.drop();
    }
  }
}
