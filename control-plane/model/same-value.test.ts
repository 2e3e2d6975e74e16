import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameValue } from './same-value.ts';

describe('sameValue', () => {
  it('tells as node does which plain values are equal', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const one = fc.oneof(value, fc.bigInt());
    fc.assert(fc.property(one, one, (a, b) => sameValue(a, b) === isDeepStrictEqual(a, b)));
    fc.assert(fc.property(value, (a) => sameValue(a, structuredClone(a))));
  });

  it('tells arrays from objects, an absent property from another one, and null from an object', () => {
    expect(sameValue([], {})).toBe(false);
    expect(sameValue({ a: 1 }, { b: 1 })).toBe(false);
    expect(sameValue({ a: undefined }, { b: 1 })).toBe(false);
    expect(sameValue(null, {})).toBe(false);
    expect(sameValue({ a: [1, { b: 2n }] }, { a: [1, { b: 2n }] })).toBe(true);
    expect(sameValue({ a: [1, { b: 2n }] }, { a: [1, { b: 3n }] })).toBe(false);
  });
});
