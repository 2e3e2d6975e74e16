/** Looks at the demo's cluster ten times a second: its state for the panel and for whoever waits, its decisions. */
import type { ApiClient } from '../../control-plane/api/client.ts';
import type { ClusterStatus } from '../../control-plane/api/contract.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Clock } from '../../control-plane/runtime/clock.ts';
import { formatDuration } from '../output/units.ts';
import { DEMO_CLUSTER } from './home.ts';
import type { Journal } from './journal.ts';

const LOOK_EVERY_MS = 100;
const CHECK_EVERY_MS = 20;

export interface WatchOptions {
  /** Throws while the control plane has not told its address. */
  api(): ApiClient;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** After each look. */
  onLook(cluster: ClusterStatus | undefined): void;
}

export class ClusterWatch {
  readonly #options: WatchOptions;
  #cluster: ClusterStatus | undefined;
  /** What of the state goes with a decision: unchanged, there is no new one to read. */
  #seen = '';
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #failure: unknown;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /**
   * Resolves with the first thing that `look` finds.
   * @throws HowdahError `deadline-exceeded`; the signal's reason when it is aborted.
   */
  async until<Found>(
    what: string,
    limitMs: number,
    look: (cluster: ClusterStatus) => Found | undefined,
  ): Promise<Found> {
    const { clock, signal } = this.#options;
    const deadline = clock.now() + limitMs;
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      const found = this.#cluster && look(this.#cluster);
      if (found !== undefined) return found;
      if (clock.now() > deadline) {
        const last = this.#cluster?.reason ?? 'the control plane does not answer';
        throw new HowdahError(
          'deadline-exceeded',
          `waited ${formatDuration(limitMs)} for ${what}; last state: ${last}`,
        );
      }
      await pause(clock, CHECK_EVERY_MS);
    }
  }

  /** Lets time pass for the one who watches. @throws the signal's reason when it is aborted. */
  async linger(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    for (const end = clock.now() + ms; clock.now() < end; ) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      await pause(clock, CHECK_EVERY_MS);
    }
  }

  async #loop(): Promise<void> {
    const { clock, journal, onLook } = this.#options;
    try {
      while (!this.#stopped) {
        await this.#tryToLook();
        journal.settle();
        onLook(this.#cluster);
        await pause(clock, LOOK_EVERY_MS);
      }
    } catch (error) {
      // Whoever waits is told.
      this.#failure = error;
    }
  }

  async #tryToLook(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      this.#cluster = undefined;
      // Else it is starting, or was killed and is being started again.
      if (HowdahError.from(error).code === 'internal') throw error;
    }
  }

  async #look(): Promise<void> {
    const { api, journal } = this.#options;
    const cluster = await api().cluster(DEMO_CLUSTER);
    this.#cluster = cluster;
    const { epoch, phase, gate, reason, sync } = cluster;
    const seen = JSON.stringify([epoch, phase, gate, reason, sync]);
    if (seen === this.#seen) return;
    for (const entry of (await api().history(DEMO_CLUSTER)).entries) journal.decision(entry);
    this.#seen = seen;
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
