/**
 * Transactions that wait for standbys: what enough of them have flushed is acknowledged, in the order of the WAL, and
 * seen by others from then on.
 */
import { nthGreatest } from '../../control-plane/model/nth-greatest.ts';
import type { WalStream } from './wal-stream.ts';

interface Waiter {
  readonly position: number;
  readonly onAck: () => void;
}

export class Commits {
  /** Up to here others see what was committed: acknowledged, or found by recovery. */
  visible = 0;
  /** By position. */
  #waiters: Waiter[] = [];

  get length(): number {
    return this.#waiters.length;
  }

  add(position: number, onAck: () => void): void {
    const waiters = this.#waiters;
    let at = waiters.length;
    while (at > 0 && waiters[at - 1]!.position > position) at--;
    waiters.splice(at, 0, { position, onAck });
  }

  clear(): void {
    this.#waiters = [];
  }

  /** One of them stops waiting: its client hears of success, with a warning, and nobody confirmed it. */
  cancelOne(): boolean {
    return this.#waiters.shift() !== undefined;
  }

  /** Acknowledges what lies up to a position. */
  release(upTo: number): void {
    const count = this.#waiters.findIndex(({ position }) => position > upTo);
    const done = this.#waiters.splice(0, count === -1 ? this.#waiters.length : count);
    this.visible = Math.max(this.visible, done.at(-1)?.position ?? 0);
    for (const { onAck } of done) onAck();
  }

  /** What a walsender does after each reply: it counts those that count, and lets go of what k of them flushed. */
  releaseBy(stream: WalStream, senders: readonly WalStream[]): void {
    if (this.#waiters.length === 0 || !stream.sync || !stream.counts) return;
    const flushed = senders.filter((other) => other.counts).map((other) => other.flushed);
    const upTo = nthGreatest(flushed, stream.sync.k);
    if (upTo !== undefined) this.release(upTo);
  }
}
