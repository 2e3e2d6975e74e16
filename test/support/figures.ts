/** What a list of durations comes to, in whole ms. */
export interface Figures {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/** All 0 for an empty list. */
export function figuresOf(values: readonly number[]): Figures {
  const sorted = values.map((value) => Math.round(value)).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { median: at(0.5), p99: at(0.99), most: sorted.at(-1) ?? 0 };
}
