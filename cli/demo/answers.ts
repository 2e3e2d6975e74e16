/** When something was answered and how long that took: rates, gaps and a timeline are computed from it. */

export interface Gap {
  readonly ms: number;
  /** Monotonic ms of the answer before the gap and of the one after it (of now, when none came yet). */
  readonly from: number;
  readonly to: number;
}

export interface Bucket {
  readonly count: number;
  /** 0 without answers. */
  readonly slowestMs: number;
}

interface Answer {
  readonly at: number;
  readonly tookMs: number;
}

export class Answers {
  #answers: Answer[] = [];
  #total = 0;
  #firstAt: number | undefined;

  /** Of the first answer of all; undefined before it. */
  get firstAt(): number | undefined {
    return this.#firstAt;
  }

  get total(): number {
    return this.#total;
  }

  /** @param at monotonic ms, never less than that of the answer before */
  add(at: number, tookMs: number): void {
    this.#total++;
    this.#firstAt ??= at;
    this.#answers.push({ at, tookMs });
  }

  /** Longest time between two successive answers of which the second came after `since`; up to `now` if none did. */
  longestGap(since: number, now: number): Gap {
    let longest: Gap = { ms: 0, from: now, to: now };
    let before: number | undefined;
    const look = (at: number) => {
      if (at >= since && before !== undefined && at - before > longest.ms) {
        longest = { ms: at - before, from: before, to: at };
      }
      before = at;
    };
    for (const { at } of this.#answers) look(at);
    look(now);
    return longest;
  }

  longestGapMs(since: number, now: number): number {
    return this.longestGap(since, now).ms;
  }

  countSince(since: number): number {
    return this.#answers.reduce((count, { at }) => (at >= since ? count + 1 : count), 0);
  }

  /** `count` buckets of `widthMs` each, the first beginning at `from`. */
  buckets(from: number, widthMs: number, count: number): Bucket[] {
    const counts = new Array<number>(count).fill(0);
    const slowest = new Array<number>(count).fill(0);
    for (const { at, tookMs } of this.#answers) {
      const index = Math.floor((at - from) / widthMs);
      if (index < 0 || index >= count) continue;
      counts[index]! += 1;
      slowest[index] = Math.max(slowest[index]!, tookMs);
    }
    return counts.map((found, index) => ({ count: found, slowestMs: slowest[index]! }));
  }

  /** Forgets what came before `since`, so that a long run stays small. */
  forget(since: number): void {
    this.#answers = this.#answers.filter(({ at }) => at >= since);
  }
}
