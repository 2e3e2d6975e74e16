/** A timeline of answers in one line of text: the slowest answer of each bucket, and where there was none. Pure. */
import type { Colors } from '../output/colors.ts';
import type { Bucket } from './answers.ts';

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** The lowest bar, ms; each next one stands for twice as much. */
const LOWEST_MS = 4;
export const NO_ANSWER = '×';

/** What the signs mean, for a legend. */
export const BAR_LEGEND = `${BARS[0]} up to ${LOWEST_MS} ms … ${BARS.at(-1)} over ${LOWEST_MS * 2 ** (BARS.length - 2)} ms, ${NO_ANSWER} none`;

/** Null: before there was any load. */
export function barOf(bucket: Bucket | null): string {
  if (bucket === null) return ' ';
  const { count, slowestMs } = bucket;
  if (count === 0) return NO_ANSWER;
  const level = Math.ceil(Math.log2(Math.max(slowestMs, LOWEST_MS) / LOWEST_MS));
  return BARS[Math.min(level, BARS.length - 1)]!;
}

/** Equal colours are written once: a frame is sent ten times a second. */
export function timeline(buckets: readonly (Bucket | null)[], colors: Colors): string {
  const text = buckets.map(barOf).join('');
  return text.replace(/[×]+|[▁▂▃]+|[▄▅▆▇█]+/gu, (run) => {
    if (run[0] === NO_ANSWER) return colors.red(run);
    return '▁▂▃'.includes(run[0]!) ? colors.green(run) : colors.yellow(run);
  });
}
