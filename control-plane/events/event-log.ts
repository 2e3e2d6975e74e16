/** The last events of all clusters, in memory, for whoever asks and for those who wait for the next. */
import type { EventPage, EventRequest } from '../api/view.ts';
import type { ClusterState } from '../manager/state.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ClusterEvent, eventsBetween } from './events-between.ts';

/** Older ones are forgotten; decisions are in the clusters' histories. */
const KEPT = 1000;

interface Kept extends ClusterEvent {
  readonly number: number;
  /** Wall clock, ms since 1970; for display only. */
  readonly at: number;
}

export class EventLog {
  readonly #clock: Clock;
  /** Made anew at each start: a cursor of before means nothing here. */
  readonly #run: string;
  readonly #states = new Map<string, ClusterState>();
  readonly #waiting = new Set<() => void>();
  #kept: readonly Kept[] = [];
  #count = 0;
  #closed = false;

  /** @param run differs from that of every other start */
  constructor(clock: Clock, run: string) {
    this.#clock = clock;
    this.#run = run;
  }

  /** After each step of a cluster. */
  onState(state: ClusterState): void {
    const { name } = state.record.spec;
    const events = eventsBetween(this.#states.get(name) ?? null, state);
    this.#states.set(name, state);
    if (events.length === 0) return;
    const at = this.#clock.wall();
    this.#kept = [...this.#kept, ...events.map((event) => ({ ...event, number: ++this.#count, at }))].slice(-KEPT);
    this.#wake();
  }

  /** What came after the cursor; when that is nothing, what comes within the wait. */
  async read(request: EventRequest): Promise<EventPage> {
    const after = this.#numberOf(request.after);
    const found = () => this.#kept.filter(({ number, cluster }) => number > after && isWanted(request, cluster));
    const until = this.#clock.now() + request.waitMs;
    for (let left = request.waitMs; left > 0 && found().length === 0 && !this.#closed; left = until - this.#clock.now())
      await this.#next(left);
    const events = found().map(({ number, ...event }) => ({ ...event, cursor: `${this.#run}-${number}` }));
    return { cursor: `${this.#run}-${this.#count}`, events };
  }

  /** Nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        this.#waiting.delete(done);
        resolve();
      };
      const timer = this.#clock.after(ms, done);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  /** 0, before all, for a cursor of another run. */
  #numberOf(cursor: string): number {
    return cursor.startsWith(`${this.#run}-`) ? Number(cursor.slice(this.#run.length + 1)) : 0;
  }
}

function isWanted({ cluster }: EventRequest, name: string): boolean {
  return cluster === '' || cluster === name;
}
