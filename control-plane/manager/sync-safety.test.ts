// A change of the voters with a message on its way: what PostgreSQL is told takes effect some time later, or never.
import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import type { PrimaryState } from '../model/instance.ts';
import { NO_SYNC, promiseQuorum, type SyncConfig, sameSync } from '../model/sync.ts';
import { observed } from './state.ts';
import { confirmedSync, planSync, settled } from './sync-plan.ts';

const STANDBYS = ['b', 'c', 'd', 'e'];

interface Step {
  readonly stored: SyncConfig;
  readonly inForce: SyncConfig;
  /** Sent, and not told by PostgreSQL yet. */
  readonly onTheWay: SyncConfig | null;
}

function configs(names: readonly string[]): SyncConfig[] {
  const sets = Array.from({ length: 2 ** names.length }, (_, bits) =>
    names.filter((_name, index) => bits & (1 << index)),
  );
  return [NO_SYNC, ...sets.flatMap((voters) => voters.map((_, index) => ({ voters, k: index + 1 })))];
}

const text = ({ voters, k }: SyncConfig) => `${k}/${voters.join('')}`;
const key = ({ stored, inForce, onTheWay }: Step) => `${text(stored)} ${text(inForce)} ${onTheWay && text(onTheWay)}`;

/** Every set of k that PostgreSQL takes for enough has one in common with every promise quorum of the stored voters. */
function isSafe(told: SyncConfig, stored: SyncConfig): boolean {
  if (stored.voters.length === 0) return true;
  const outside = told.voters.filter((name) => !stored.voters.includes(name)).length;
  return Math.max(0, told.k - outside) + promiseQuorum(stored) > stored.voters.length;
}

/** All that can happen next, as goals.ts and the runner do it, when `wanted` is wanted at this moment. */
function next(step: Step, wanted: SyncConfig): Step[] {
  const { stored, inForce, onTheWay } = step;
  const arrived: Step[] = onTheWay ? [{ stored, inForce: onTheWay, onTheWay: null }] : [];
  const first = planSync(stored, wanted, null);
  // A confirmation is one of what was sent last.
  const confirmed = onTheWay === null && sameSync(inForce, first.told) ? inForce : null;
  const plan = confirmed ? planSync(stored, wanted, confirmed) : first;
  if (!sameSync(plan.stored, stored)) return [...arrived, { ...step, stored: plan.stored }];
  if (onTheWay !== null || sameSync(plan.told, inForce)) return arrived;
  return [...arrived, { ...step, onTheWay: plan.told }];
}

describe('a change of the voters of up to five instances', () => {
  const all = configs(STANDBYS);

  it('keeps every quorum, whatever is wanted from one step to the next and whenever a message takes effect', () => {
    const seen = new Set<string>();
    const open: Step[] = all.flatMap((config) => [
      { stored: config, inForce: config, onTheWay: null },
      { stored: NO_SYNC, inForce: config, onTheWay: null },
    ]);
    const broken: string[] = [];
    for (let step = open.pop(); step; step = open.pop()) {
      if (seen.has(key(step))) continue;
      seen.add(key(step));
      if (!isSafe(step.inForce, step.stored)) broken.push(key(step));
      for (const wanted of all) open.push(...next(step, wanted).filter((after) => !seen.has(key(after))));
    }
    expect(broken).toEqual([]);
    expect(seen.size).toBeGreaterThan(1000);
  }, 60_000);

  it('arrives at what is wanted in a few steps, from any of them', () => {
    for (const from of all) {
      for (const wanted of all) {
        let step: Step = { stored: from, inForce: from, onTheWay: null };
        let steps = 0;
        for (; steps < 12; steps++) {
          const [after] = next(step, wanted);
          if (!after) break;
          step = after;
        }
        expect(steps).toBeLessThan(12);
        expect(step).toEqual({ stored: wanted, inForce: wanted, onTheWay: null });
      }
    }
  });
});

describe('a confirmation', () => {
  const GOAL = 'e1/lead/x';
  const sync = { voters: ['orders-2', 'orders-3'], k: 1 };

  function reported(change: Partial<PrimaryState>, later: Partial<PrimaryState> = {}) {
    const cluster = buildCluster();
    const primary = observed(cluster, 'orders-1').report!.postgres;
    if (primary.kind !== 'primary') throw new Error('no primary');
    const goal = { id: GOAL, status: 'done', detail: '' } as const;
    const report = (seq: number, more: Partial<PrimaryState>) =>
      ({ kind: 'report', report: buildReport('orders-1', { seq, goal, postgres: { ...primary, ...more } }) }) as const;
    const sent = observe(cluster, 1, { kind: 'sent', instance: 'orders-1', goalId: GOAL });
    return observe(sent, 2, report(2, change), report(3, { ...change, ...later }));
  }
  const standbys = (flushLsn: bigint, syncState: 'quorum' | 'async' = 'quorum') =>
    sync.voters.map((name) => ({ name, state: 'streaming', syncState, flushLsn, replayLsn: 0n }) as const);

  it('needs k of the voters to have flushed all that was written before the setting was in force', () => {
    expect(confirmedSync(reported({ flushLsn: 2000n, standbys: standbys(1999n) }), 'orders-1', GOAL)).toBeNull();
    expect(confirmedSync(reported({ flushLsn: 2000n, standbys: standbys(2000n) }), 'orders-1', GOAL)).toEqual(sync);
    // What was written since does not move the mark.
    const later = { flushLsn: 9000n, standbys: standbys(2000n) };
    expect(confirmedSync(reported({ flushLsn: 2000n, standbys: standbys(1999n) }, later), 'orders-1', GOAL)).toEqual(
      sync,
    );
  });

  it('is of the goal that is asked for, by a PostgreSQL whose setting Howdah wrote', () => {
    expect(confirmedSync(reported({ standbys: standbys(2000n) }), 'orders-1', 'e1/lead/y')).toBeNull();
    expect(confirmedSync(reported({ standbys: standbys(2000n), sync: null }), 'orders-1', GOAL)).toBeNull();
    expect(confirmedSync(reported({ standbys: standbys(2000n, 'async') }), 'orders-1', GOAL)).toBeNull();
  });

  it('waits until each walsender counts exactly when it should', () => {
    const primary = observed(buildCluster(), 'orders-1').report!.postgres;
    if (primary.kind !== 'primary') throw new Error('no primary');
    expect(settled(primary)).toBe(true);
    expect(settled({ ...primary, sync: { voters: ['orders-2'], k: 1 } })).toBe(false);
    expect(settled({ ...primary, standbys: standbys(0n, 'async') })).toBe(false);
    expect(settled({ ...primary, sync: null })).toBe(false);
    // One that only catches up counts for nothing yet.
    const catching = primary.standbys.map((s) => ({ ...s, state: 'catchup', syncState: 'async' }) as const);
    expect(settled({ ...primary, standbys: catching })).toBe(true);
  });
});
