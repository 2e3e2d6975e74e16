import { describe, expect, it } from 'vitest';
import { Answers } from './answers.ts';

function answers(...times: number[]): Answers {
  const found = new Answers();
  for (const at of times) found.add(at, at / 10);
  return found;
}

describe('longestGap', () => {
  it('is between two successive answers, of which the second came after the fault', () => {
    expect(answers(0, 500, 510, 720, 730).longestGap(511, 740)).toEqual({ ms: 210, from: 510, to: 720 });
  });

  it('lasts until now when no answer came yet', () => {
    expect(answers(100, 110).longestGap(111, 400)).toEqual({ ms: 290, from: 110, to: 400 });
  });

  it('is none without answers', () => {
    expect(answers().longestGapMs(0, 1000)).toBe(0);
  });
});

describe('buckets', () => {
  it('count and keep the slowest, and leave out what is outside', () => {
    expect(answers(5, 10, 19, 30, 99).buckets(10, 10, 3)).toEqual([
      { count: 2, slowestMs: 1.9 },
      { count: 0, slowestMs: 0 },
      { count: 1, slowestMs: 3 },
    ]);
  });
});

it('forgets answers but not how many there were', () => {
  const found = answers(1, 2, 3);
  found.forget(3);
  expect(found.countSince(0)).toBe(1);
  expect(found.total).toBe(3);
});
