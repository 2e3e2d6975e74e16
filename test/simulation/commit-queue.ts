/** Transactions that wait for standbys: `ANY k` of the voters must have flushed a position before it is acknowledged. */
import type { SyncConfig } from '../../control-plane/model/sync.ts';

interface Waiter {
  readonly position: number;
  readonly onAck: () => void;
}

export class CommitQueue {
  #waiters: Waiter[] = [];

  get length(): number {
    return this.#waiters.length;
  }

  add(position: number, onAck: () => void): void {
    this.#waiters.push({ position, onAck });
  }

  clear(): void {
    this.#waiters = [];
  }

  /**
   * Acknowledges what may be; answers the highest position of it, 0 if there is none.
   * @param sync undefined: a setting that Howdah did not write, by which nothing is acknowledged
   */
  release(sync: SyncConfig | undefined, flushedBy: (voter: string) => number): number {
    if (!sync || this.#waiters.length === 0) return 0;
    const flushed = sync.voters.map(flushedBy).sort((a, b) => b - a);
    const upTo = sync.k === 0 ? Number.POSITIVE_INFINITY : (flushed[sync.k - 1] ?? 0);
    const done = this.#waiters.filter(({ position }) => position <= upTo);
    if (done.length === 0) return 0;
    this.#waiters = this.#waiters.filter(({ position }) => position > upTo);
    for (const { onAck } of done) onAck();
    return Math.max(...done.map(({ position }) => position));
  }
}
