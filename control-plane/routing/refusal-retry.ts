/**
 * Offers again what a proxy refused for its surroundings and not for its content: an address that it could not bind,
 * because another process had the port. Without this a freed port would stay unused until the next change.
 */
import type { SessionEvent, TypeUrl } from '../../xds/index.ts';
import type { Clock, Timer } from '../runtime/clock.ts';

export interface RefusalRetryOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Offer these listeners of the proxy anew. */
  readonly retry: (node: string, listeners: readonly string[]) => void;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

/** Envoy's words, of listeners only: `cannot bind '127.0.0.1:6432': Address already in use`. */
const UNBOUND = /cannot bind '|Address already in use|Cannot assign requested address/;

interface Attempt {
  readonly node: string;
  readonly count: number;
  /** null = it was offered again, and the proxy has not answered. */
  readonly timer: Timer | null;
}

export class RefusalRetry {
  readonly #options: RefusalRetryOptions;
  readonly #attempts = new Map<string, Attempt>();

  constructor(options: RefusalRetryOptions) {
    this.#options = options;
  }

  onNack(node: string, { type, rejection }: Extract<SessionEvent, { kind: 'nack' }>): void {
    const key = keyOf(node, type);
    const before = this.#attempts.get(key);
    before?.timer?.cancel();
    if (!UNBOUND.test(rejection.error)) {
      this.#attempts.delete(key);
      return;
    }
    const count = before?.count ?? 0;
    const timer = this.#options.clock.after(retryDelayMs(count), () => {
      this.#attempts.set(key, { node, count: count + 1, timer: null });
      this.#options.retry(node, rejection.resources);
    });
    this.#attempts.set(key, { node, count, timer });
  }

  /** While a timer runs this is only the answer to the last good configuration, which follows each refusal. */
  onAck(node: string, { type }: Extract<SessionEvent, { kind: 'ack' }>): void {
    const key = keyOf(node, type);
    if (this.#attempts.get(key)?.timer === null) this.#attempts.delete(key);
  }

  onClosed(node: string): void {
    for (const [key, attempt] of this.#attempts) {
      if (attempt.node !== node) continue;
      attempt.timer?.cancel();
      this.#attempts.delete(key);
    }
  }

  stop(): void {
    for (const { timer } of this.#attempts.values()) timer?.cancel();
    this.#attempts.clear();
  }
}

/** @param count how often it was offered again already */
export function retryDelayMs(count: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** count);
}

function keyOf(node: string, type: TypeUrl): string {
  return `${node}\n${type}`;
}
