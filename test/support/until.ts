import { inspect } from 'node:util';

export interface UntilOptions {
  /** What is waited for, as the end of the sentence "waited N ms for ...". */
  readonly what: string;
  /** Default 5000. */
  readonly timeoutMs?: number;
  /** Default 20. */
  readonly intervalMs?: number;
}

/** Not yet: says what was seen instead, for the message when time is up. */
export class NotYet {
  readonly seen: unknown;
  constructor(seen: unknown) {
    this.seen = seen;
  }
}

type Truthy<T> = Exclude<T, NotYet | false | 0 | 0n | '' | null | undefined>;

/**
 * Waits until the condition gives something true and gives that back. The condition may throw, or return
 * `new NotYet(seen)`: both count as not yet, and the last of them is in the error when time is up.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions): Promise<Truthy<T>> {
  const { what, timeoutMs = 5000, intervalMs = 20 } = options;
  const start = performance.now();
  let last: unknown = new NotYet('nothing: the condition never came to an end');
  for (;;) {
    const value = await within(condition, timeoutMs - (performance.now() - start));
    if (value !== TIME_IS_UP) {
      last = value;
      if (value && !(value instanceof NotYet) && !(value instanceof Failed)) return value as Truthy<T>;
    }
    if (performance.now() - start >= timeoutMs) break;
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  const seen =
    last instanceof Failed ? `an error: ${String(last.error)}` : inspect(last instanceof NotYet ? last.seen : last);
  throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${seen}`, {
    cause: last instanceof Failed ? last.error : undefined,
  });
}

class Failed {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

const TIME_IS_UP = Symbol('time is up');

/** A condition that hangs must not keep the test from saying so. */
async function within<T>(condition: () => T | Promise<T>, ms: number): Promise<T | Failed | typeof TIME_IS_UP> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<typeof TIME_IS_UP>((resolve) => {
    timer = setTimeout(resolve, Math.max(1, ms), TIME_IS_UP);
  });
  try {
    return await Promise.race([(async () => condition())(), limit]);
  } catch (error) {
    return new Failed(error);
  } finally {
    clearTimeout(timer);
  }
}
