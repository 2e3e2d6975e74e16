import { describe, expect, it } from 'vitest';
import { restartDelay } from './child.ts';

describe('restartDelay', () => {
  it('is nothing for a first death, then grows to a second', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 20].map(restartDelay)).toEqual([0, 0, 50, 100, 200, 400, 800, 1000, 1000]);
  });
});
