/** Sleep that an event ends. An event that comes while nobody sleeps ends the next sleep at once. */
import type { Clock } from '../control-plane/runtime/clock.ts';

export class WakeUp {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #pending = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#pending = true;
    for (const waiter of [...this.#waiting]) waiter();
  }

  /** Resolves with true once `work` is finished, with false at an event before that. Rejects as `work` does. */
  async untilDoneOrWoken(work: Promise<void>): Promise<boolean> {
    const { promise: woken, resolve } = Promise.withResolvers<false>();
    const waiter = () => resolve(false);
    this.#waiting.add(waiter);
    try {
      return await Promise.race([work.then(() => true), woken]);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  async sleep(ms: number): Promise<void> {
    if (!this.#pending) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = this.#clock.after(ms, resolve);
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
      timer.cancel();
    }
    this.#pending = false;
  }
}
