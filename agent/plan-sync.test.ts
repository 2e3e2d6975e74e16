import { describe, expect, it } from 'vitest';
import type { LeadGoal } from '../control-plane/model/goal.ts';
import type { StandbyConnection } from '../control-plane/model/instance.ts';
import { formatSync, type SyncConfig } from '../control-plane/model/sync.ts';
import { buildObserved, buildPrimary } from '../test/support/build-observed.ts';
import { NO_OVERRIDE } from './observe/observed.ts';
import { plan } from './plan.ts';
import { nextSync } from './plan-sync.ts';

const voters = ['orders-2', 'orders-3'];
const ONE: SyncConfig = { voters, k: 1 };
const TWO: SyncConfig = { voters, k: 2 };
const BETWEEN: SyncConfig = { voters: ['howdah_nobody'], k: 2 };

const lead = (sync: SyncConfig): LeadGoal => ({
  ...({ kind: 'lead', epoch: 5, create: false, start: false } as const),
  ...{ sync, members: voters },
});

const standby = (name: string, syncState: StandbyConnection['syncState']): StandbyConnection => ({
  ...{ name, state: 'streaming', syncState, flushLsn: 1000n, replayLsn: 1000n },
});

const says = (sync: SyncConfig) => ({ ...NO_OVERRIDE, synchronousStandbyNames: formatSync(sync) });

function primary(shown: SyncConfig, written: SyncConfig, ...states: StandbyConnection['syncState'][]) {
  const standbys = states.map((state, index) => standby(voters[index]!, state));
  return buildPrimary({ sync: shown, override: says(shown), written: says(written), standbys });
}

describe('the voters that a primary is told', () => {
  it('are told at once where the number stays, falls or is the first', () => {
    expect(nextSync(lead(ONE), primary(ONE, ONE, 'quorum'))).toEqual(ONE);
    expect(nextSync(lead(ONE), primary(TWO, TWO, 'quorum'))).toEqual(ONE);
    expect(nextSync(lead(TWO), primary({ voters: [], k: 0 }, { voters: [], k: 0 }, 'async'))).toEqual(TWO);
  });

  it('are told by way of nobody where the number rises, until every WAL sender counts no more', () => {
    expect(nextSync(lead(TWO), primary(ONE, ONE, 'quorum', 'quorum'))).toEqual(BETWEEN);
    expect(nextSync(lead(TWO), primary(ONE, BETWEEN, 'async', 'async'))).toEqual(BETWEEN);
    expect(nextSync(lead(TWO), primary(BETWEEN, BETWEEN, 'async', 'quorum'))).toEqual(BETWEEN);
    expect(nextSync(lead(TWO), primary(BETWEEN, BETWEEN, 'async', 'async'))).toEqual(TWO);
    expect(nextSync(lead(TWO), primary(BETWEEN, TWO, 'async', 'quorum'))).toEqual(TWO);
    // The smaller number is in the file again, and may have been read.
    expect(nextSync(lead(TWO), primary(TWO, ONE, 'quorum', 'quorum'))).toEqual(BETWEEN);
  });

  it('are written one after the other by the plan, and reached at the end only', () => {
    const step = (server: ReturnType<typeof primary>) => plan(lead(TWO), 5, buildObserved({ server }));
    expect(step(primary(ONE, ONE, 'quorum', 'quorum'))).toEqual({ kind: 'configure', override: says(BETWEEN) });
    expect(step(primary(BETWEEN, BETWEEN, 'quorum', 'async')).kind).toBe('wait');
    expect(step(primary(BETWEEN, BETWEEN, 'async', 'async'))).toEqual({ kind: 'configure', override: says(TWO) });
    expect(step(primary(TWO, TWO, 'quorum', 'quorum')).kind).toBe('slots');
  });
});
