/** Virtual time: one heap of events ordered by (time, sequence), and a seeded random. */
import type { Timer } from '../../control-plane/runtime/clock.ts';

/** What is to happen at a time; cancelled ones stay in the heap until their time comes. */
class Event implements Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled = false;

  constructor(at: number, order: number, run: () => void) {
    this.at = at;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

export class Kernel {
  readonly random: Random;
  readonly #heap: Event[] = [];
  #now = 0;
  #order = 0;
  #traceHash = 2166136261;
  readonly #trace: { readonly at: number; readonly line: string }[] = [];
  #touched = true;
  /** How many events have run. */
  events = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  get now(): number {
    return this.#now;
  }

  /** Same seed, same hash: what a failing run is recognised by. */
  get traceHash(): string {
    return (this.#traceHash >>> 0).toString(16).padStart(8, '0');
  }

  /** All that was noted, oldest first. */
  get trace(): readonly string[] {
    return this.#trace.map(({ at, line }) => `${at.toFixed(2).padStart(10)} ${line}`);
  }

  note(line: string): void {
    let hash = Math.imul(this.#traceHash ^ (this.#now * 1000), 16777619);
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 16777619);
    this.#traceHash = hash;
    this.#trace.push({ at: this.#now, line });
  }

  /** The code under test was called: its promises may have something to do before time goes on. */
  touch(): void {
    this.#touched = true;
  }

  /** The code under test was called since the last turn. */
  get touched(): boolean {
    return this.#touched;
  }

  /** Lets the promises of the code under test run to their ends: ticks come after them. */
  turn(): Promise<void> {
    this.#touched = false;
    return new Promise(onNextTick);
  }

  after(delayMs: number, run: () => void): Event {
    const event = new Event(this.#now + Math.max(0, delayMs), this.#order++, run);
    this.#push(event);
    return event;
  }

  /** Runs the next event; false when there is none before `until`. */
  step(until: number): boolean {
    for (let event = this.#heap[0]; event && event.at <= until; event = this.#heap[0]) {
      this.#pop();
      if (event.cancelled) continue;
      this.#now = event.at;
      this.events++;
      event.run();
      return true;
    }
    this.#now = until;
    return false;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function onNextTick(resolve: () => void): void {
  process.nextTick(resolve);
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** mulberry32: small, fast, and the same on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }
}
