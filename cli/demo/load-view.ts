/** The load as the panel shows it; what is older than any use of it is forgotten here. */
import type { Answers } from './answers.ts';
import { BUCKET_MS, bucketCount, type Flow, type LoadView } from './panel.ts';
import type { Workload } from './workload.ts';

/** What a rate is computed over, ms. */
const RATE_MS = 1000;
/** Longer than an act waits for anything. */
const KEEP_MS = 180_000;

export function loadView({ writes, reads }: Workload, now: number, columns: number): LoadView {
  return { writes: flow(writes, now, columns), reads: flow(reads, now, columns) };
}

function flow(answers: Answers, now: number, columns: number): Flow {
  answers.forget(now - KEEP_MS);
  const count = bucketCount(columns);
  // Buckets keep their edges from frame to frame, and the one that is still being filled is not shown.
  const firstAt = answers.firstAt ?? now;
  const end = Math.floor(now / BUCKET_MS) * BUCKET_MS;
  const from = end - count * BUCKET_MS;
  return {
    perSecond: (answers.countSince(now - RATE_MS) * 1000) / RATE_MS,
    total: answers.total,
    buckets: answers
      .buckets(from, BUCKET_MS, count)
      .map((bucket, index) => (from + (index + 1) * BUCKET_MS <= firstAt ? null : bucket)),
  };
}
