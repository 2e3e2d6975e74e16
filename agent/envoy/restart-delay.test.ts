import { describe, expect, it } from 'vitest';
import { countExits, restartDelayMs } from './restart-delay.ts';

describe('the wait before Envoy is started again', () => {
  it('is none at first, then doubles up to a second', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 1000].map(restartDelayMs)).toEqual([0, 50, 100, 200, 400, 800, 1000, 1000]);
  });

  it('begins anew when Envoy was up for 10 s', () => {
    expect(countExits(0, 5)).toBe(1);
    expect(countExits(4, 9_999)).toBe(5);
    expect(countExits(4, 10_000)).toBe(1);
  });
});
