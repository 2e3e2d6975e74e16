import { describe, expect, it } from 'vitest';
import { contentHash } from './hash.ts';

describe('the hash of a content', () => {
  it('is the same for the same bytes, 64 bits in hexadecimal', () => {
    expect(contentHash(Buffer.from('orders'))).toBe(contentHash(Uint8Array.from(Buffer.from('orders'))));
    expect(contentHash(Buffer.from('orders'))).toMatch(/^[0-9a-f]{16}$/);
    expect(contentHash(new Uint8Array())).toMatch(/^[0-9a-f]{16}$/);
  });

  it('knows bytes at the end from none', () => {
    const hashes = [0, 1, 2, 3, 4, 5, 8].map((length) => contentHash(new Uint8Array(length)));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('is another one wherever a bit is', () => {
    const content = Buffer.from('an assignment of 41 bytes or somewhat so.');
    const hashes = new Set([contentHash(content)]);
    for (let bit = 0; bit < content.length * 8; bit++) {
      const other = Buffer.from(content);
      other[bit >> 3]! ^= 1 << (bit & 7);
      hashes.add(contentHash(other));
    }
    expect(hashes.size).toBe(content.length * 8 + 1);
  });

  it('tells a quarter of a million contents of a few digits apart, each half nearly so', () => {
    const whole = new Set<string>();
    const [high, low] = [new Set<string>(), new Set<string>()];
    const count = 250_000;
    for (let number = 0; number < count; number++) {
      const hash = contentHash(Buffer.from(`10.0.${number % 256}.${number >> 8}:15432`));
      whole.add(hash);
      high.add(hash.slice(0, 8));
      low.add(hash.slice(8));
    }
    expect(whole.size).toBe(count);
    // Of so many of 2^32 some 7 are alike by chance.
    expect(Math.min(high.size, low.size)).toBeGreaterThan(count - 30);
  });
});
