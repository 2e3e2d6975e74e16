import { describe, expect, it } from 'vitest';
import { buildCluster } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import { NO_SYNC, promiseQuorum, type SyncConfig, sameSync } from '../model/sync.ts';
import { planSync, wantedSync } from './sync-plan.ts';

const NAMES = ['a', 'b', 'c', 'd'];

/** Every setting of up to four voters, that of none included. */
const ALL: readonly SyncConfig[] = [
  NO_SYNC,
  ...subsets(NAMES).flatMap((voters) => voters.map((_, index) => ({ voters, k: index + 1 }))),
];

/** All but the empty one. */
function subsets(names: readonly string[]): string[][] {
  const [first, ...rest] = names;
  if (first === undefined) return [];
  const others = subsets(rest);
  return [[first], ...others, ...others.map((set) => [first, ...set])];
}

/** Every k of PostgreSQL's voters has one in common with every promise quorum of the stored ones. */
function meets(told: SyncConfig, stored: SyncConfig): boolean {
  if (stored.voters.length === 0) return true;
  const union = new Set([...told.voters, ...stored.voters]);
  return told.k + promiseQuorum(stored) > union.size;
}

describe('planSync', () => {
  it('keeps every quorum at every step, wherever it is interrupted and whatever is wanted next', () => {
    // What PostgreSQL has is anything that it was told since the store last changed.
    const seen = new Set<string>();
    const key = (stored: SyncConfig, has: SyncConfig) => JSON.stringify([stored, has]);
    const open: { stored: SyncConfig; has: SyncConfig }[] = [{ stored: NO_SYNC, has: NO_SYNC }];
    for (let at = open.pop(); at; at = open.pop()) {
      const { stored, has } = at;
      if (seen.has(key(stored, has))) continue;
      seen.add(key(stored, has));
      expect(meets(has, stored), JSON.stringify(at)).toBe(true);
      for (const wanted of ALL) {
        for (const confirmed of [null, has]) {
          const step = planSync(stored, wanted, confirmed);
          // The store goes first; PostgreSQL is told only when nothing is left to store.
          open.push({ stored: step.stored, has });
          if (sameSync(step.stored, stored)) open.push({ stored, has: step.told });
        }
      }
    }
    expect(seen.size).toBeGreaterThan(150);
  }, 60_000);

  it('arrives at what is wanted', () => {
    for (const from of ALL) {
      for (const wanted of ALL) {
        let [stored, has] = [from, from];
        for (let steps = 0; steps < 6; steps++) {
          const step = planSync(stored, wanted, has);
          if (sameSync(step.stored, stored)) has = step.told;
          stored = step.stored;
        }
        expect([stored, has]).toEqual([wanted, wanted]);
      }
    }
  });
});

describe('wantedSync', () => {
  it('takes in a standby that streams and whose agent is here', () => {
    const state = buildCluster({ voters: ['orders-2'] });
    expect(wantedSync(state, 'orders-1', 0)).toEqual({ voters: ['orders-2', 'orders-3'], k: 1 });
  });

  it('keeps a voter that is away for a moment, and lets it go later', () => {
    const state = buildCluster({ standbys: { 'orders-2': { lsn: 2000n } }, voters: ['orders-2', 'orders-3'] });
    expect(wantedSync(state, 'orders-1', 2999)).toEqual({ voters: ['orders-2', 'orders-3'], k: 1 });
    expect(wantedSync(state, 'orders-1', 3000)).toEqual({ voters: ['orders-2'], k: 1 });
  });

  it('never has fewer than k voters in strict mode', () => {
    const state = buildCluster({ standbys: {}, voters: ['orders-3'] });
    expect(wantedSync(state, 'orders-1', 60_000)).toEqual({ voters: ['orders-3'], k: 1 });
  });

  it('goes on without standbys where availability goes before', () => {
    const spec = buildSpec({ durability: { mode: 'available', quorum: 1 } });
    const state = buildCluster({ standbys: {}, voters: ['orders-3'], record: { spec } });
    expect(wantedSync(state, 'orders-1', 60_000)).toEqual(NO_SYNC);
  });
});
