import { describe, expect, it } from 'vitest';
import { STALE_AFTER_MS, standbyLagBytes } from './lag.ts';

describe('standbyLagBytes', () => {
  it('is what was received and not replayed, never negative', () => {
    expect(standbyLagBytes({ receiveLsn: 150n, replayLsn: 100n }, 0)).toBe(50n);
    expect(standbyLagBytes({ receiveLsn: 100n, replayLsn: 150n }, 0)).toBe(0n);
  });

  it('is not known when nothing came for long', () => {
    expect(standbyLagBytes({ receiveLsn: 150n, replayLsn: 100n }, STALE_AFTER_MS)).toBe(50n);
    expect(standbyLagBytes({ receiveLsn: 150n, replayLsn: 100n }, STALE_AFTER_MS + 1)).toBeNull();
  });
});
