import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nthGreatest } from './nth-greatest.ts';

describe('nthGreatest', () => {
  it('is what sorting gives', () => {
    const value = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(Number.NEGATIVE_INFINITY));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), fc.integer({ min: 0, max: 7 }), (values, n) => {
        expect(nthGreatest(values, n)).toBe([...values].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0))[n - 1]);
      }),
    );
  });
});
