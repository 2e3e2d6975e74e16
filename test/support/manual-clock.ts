// A clock that a test moves, and a store and agents in memory, for tests of what runs on them.
import type { AgentPort } from '../../control-plane/manager/runner.ts';
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Goal } from '../../control-plane/model/goal.ts';
import type { Clock, Timer } from '../../control-plane/runtime/clock.ts';
import type { Store, StoreListener, Versioned } from '../../control-plane/store/store.ts';

export class ManualClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly action: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(ms: number, action: () => void): Timer {
    const timer = { at: this.#now + ms, action };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** When timers are due, earliest first. */
  get due(): number[] {
    return this.#timers.map(({ at }) => at).sort((a, b) => a - b);
  }

  /** Runs what is due until then, each at its time. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.action();
    }
    this.#now = until;
  }
}

/** What happened, in order: `put 2 fencing`, `goal orders-2 e2/fence`, `ask orders-2`. */
export type EventLog = string[];

export class MemoryStore implements Store {
  readonly #events: EventLog;
  readonly #records = new Map<string, Versioned>();
  readonly #listeners = new Set<StoreListener>();
  /** Thrown by each put while it is set. */
  failure: HowdahError | null = null;
  /** What was read by list() is told only after this. */
  listed: Promise<void> = Promise.resolve();

  constructor(events: EventLog = []) {
    this.#events = events;
  }

  async get(name: string): Promise<Versioned | undefined> {
    return this.#records.get(name);
  }

  async list(): Promise<Versioned[]> {
    const all = [...this.#records.values()];
    await this.listed;
    return all;
  }

  async put(record: ClusterRecord, expected: number): Promise<number> {
    if (this.failure) {
      this.#events.push('put fails');
      throw this.failure;
    }
    const before = this.#records.get(record.spec.name)?.revision ?? 0;
    if (before !== expected) {
      this.#events.push('put conflicts');
      throw new HowdahError('conflict', `the revision is ${before}, not ${expected}`);
    }
    this.#records.set(record.spec.name, { record, revision: before + 1 });
    this.#events.push(`put ${record.epoch} ${record.phase.kind}`);
    for (const listener of this.#listeners) listener(record.spec.name, { record, revision: before + 1 });
    return before + 1;
  }

  async remove(name: string): Promise<void> {
    this.#records.delete(name);
  }

  watch(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {}
}

export class RecordingAgents implements AgentPort {
  readonly #events: EventLog;
  readonly goals: { readonly instance: string; readonly goal: Goal }[] = [];
  /** Agents whose stream is gone. */
  readonly gone = new Set<string>();

  constructor(events: EventLog) {
    this.#events = events;
  }

  sendGoal(instance: string, id: string, goal: Goal): boolean {
    if (this.gone.has(instance)) return false;
    this.#events.push(`goal ${instance} ${id}`);
    this.goals.push({ instance, goal });
    return true;
  }

  askReport(instance: string): boolean {
    if (this.gone.has(instance)) return false;
    this.#events.push(`ask ${instance}`);
    return true;
  }
}
