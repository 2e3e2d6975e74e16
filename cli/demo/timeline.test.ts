import { describe, expect, it } from 'vitest';
import { colorsFor } from '../output/colors.ts';
import { barOf, timeline } from './timeline.ts';

describe('barOf', () => {
  it.each([
    [0, 0, '×'],
    [5, 0.3, '▁'],
    [5, 4, '▁'],
    [1, 4.1, '▂'],
    [1, 8, '▂'],
    [1, 33, '▅'],
    [1, 256, '▇'],
    [1, 257, '█'],
    [1, 9000, '█'],
  ])('%d answers, the slowest %d ms: %s', (count, slowestMs, bar) => {
    expect(barOf({ count, slowestMs })).toBe(bar);
  });
});

it('shows an outage as a hole, and the wait at its end', () => {
  const quick = { count: 40, slowestMs: 2 };
  const none = { count: 0, slowestMs: 0 };
  expect(timeline([null, quick, quick, none, none, { count: 4, slowestMs: 230 }, quick], colorsFor({}, {}))).toBe(
    ' ▁▁××▇▁',
  );
});
