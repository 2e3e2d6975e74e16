import { describe, expect, it } from 'vitest';
import { reconnectDelayMs } from './reconnect-delay.ts';

describe('reconnectDelayMs', () => {
  it('doubles from 50 ms to 1 s', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 5000].map((failures) => reconnectDelayMs(failures, 0))).toEqual([
      50, 100, 200, 400, 800, 1000, 1000, 1000,
    ]);
  });

  it('takes off up to half', () => {
    expect(reconnectDelayMs(6, 0.5)).toBe(750);
    expect(reconnectDelayMs(1, 1)).toBe(25);
  });
});
