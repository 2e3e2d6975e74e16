import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packed } from './packed-bytes.ts';

describe('packed bytes', () => {
  it('are the same bytes, and stay so', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 20 }), (all) => {
        const copies = all.map(packed);
        const before = all.map((bytes) => Buffer.from(bytes));
        for (const bytes of all) bytes.fill(0);
        expect(copies.map((copy) => Buffer.from(copy))).toEqual(before);
      }),
    );
  });

  it('hold no more memory than they need', () => {
    const piece = Buffer.alloc(1 << 20).subarray(0, 100);
    const held = new Set(Array.from({ length: 1000 }, () => packed(piece).buffer));
    const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeLessThan(1000 * 100 * 1.1);
  });
});
