import { describe, expect, it } from 'vitest';
import { VARIANTS } from './client.ts';
import { fuzz } from './fuzzer.ts';

describe('the xDS server under mutated requests', () => {
  it('refuses what is broken, forgets it, and goes on', { timeout: 120_000 }, async () => {
    const report = await fuzz({ requests: 20_000, seed: 1, variants: Object.values(VARIANTS) });
    expect(report.unexpected).toEqual([]);
    expect(report.statuses[3]).toBeGreaterThan(100);
    expect(report.responses).toBeGreaterThan(1000);
  });
});
