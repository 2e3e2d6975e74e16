import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import type { Phase } from '../model/cluster-record.ts';
import { instanceNames } from '../model/cluster-spec.ts';
import { type Goal, goalId } from '../model/goal.ts';
import type { SyncConfig } from '../model/sync.ts';
import { goalFor } from './goals.ts';
import type { ClusterState } from './state.ts';
import { isNarrower } from './sync-plan.ts';

const SPEC = buildSpec({ instances: 4, durability: { mode: 'strict', quorum: 2 } });
const NAMES = instanceNames(SPEC);
const STANDBYS = NAMES.slice(1);
const SYNC = { voters: ['orders-2', 'orders-3'], k: 1 };

const anySync = fc
  .subarray(STANDBYS, { minLength: 1 })
  .chain((voters) => fc.record({ voters: fc.constant(voters), k: fc.integer({ min: 1, max: voters.length }) }));

/** A cluster whose primary and some standbys are there, at a later time than they were last seen. */
const anyState = fc
  .record({ sync: anySync, streaming: fc.subarray(STANDBYS), quorum: fc.integer({ min: 1, max: 3 }) })
  .map(({ sync, streaming, quorum }) =>
    buildCluster({
      standbys: Object.fromEntries(streaming.map((name) => [name, { lsn: 2000n }])),
      record: { spec: { ...SPEC, durability: { mode: 'strict', quorum } }, sync },
    }),
  );

function inPhase(phase: Phase, state: ClusterState = buildCluster()): ClusterState {
  return observe(state, 0, { kind: 'record', record: { ...state.record, epoch: 2, phase } });
}

const kinds = (state: ClusterState) =>
  instanceNames(state.record.spec).map((name) => goalFor(state, name, 0)?.kind ?? null);

describe('goals', () => {
  it('are equal for equal states', () => {
    fc.assert(
      fc.property(anyState, fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 10_000 }), (state, name, now) => {
        const [first, second] = [goalFor(state, name, now), goalFor(structuredClone(state), name, now)];
        expect(second).toEqual(first);
        if (first && second) expect(goalId(second)).toBe(goalId(first));
      }),
    );
  });

  it('tell PostgreSQL of stored voters only, with a k no lower than the stored one', () => {
    fc.assert(
      fc.property(anyState, fc.integer({ min: 0, max: 10_000 }), (state, now) => {
        const goal = goalFor(state, 'orders-1', now);
        expect(goal?.kind).toBe('lead');
        if (goal?.kind === 'lead') expect(isNarrower(goal.sync, state.record.sync)).toBe(true);
      }),
    );
  });

  it('in each phase', () => {
    const from = { cause: 'failover', from: 'orders-1' } as const;
    const phases: [Phase, (Goal['kind'] | null)[]][] = [
      [{ kind: 'forming', primary: 'orders-1' }, ['lead', null, null]],
      [{ kind: 'active', primary: 'orders-1', gate: 'open' }, ['lead', 'follow', 'follow']],
      [{ kind: 'active', primary: 'orders-1', gate: 'closed', sync: SYNC }, ['lead', 'follow', 'follow']],
      [{ kind: 'draining', primary: 'orders-1', target: 'orders-2', waitMs: 10 }, ['lead', 'follow', 'follow']],
      [{ kind: 'stopping', primary: 'orders-1', target: 'orders-2' }, ['stop', 'follow', 'follow']],
      [{ kind: 'fencing', ...from, authority: 'orders-1', prefer: '' }, ['fence', 'fence', 'fence']],
      [{ kind: 'promoting', ...from, candidate: 'orders-2', lsn: 1n, sync: SYNC }, ['follow', 'lead', 'follow']],
    ];
    for (const [phase, expected] of phases) expect(kinds(inPhase(phase)), phase.kind).toEqual(expected);
  });

  it('lead with what was decided for a closed gate, whatever is stored', () => {
    const told: SyncConfig = { voters: ['orders-3'], k: 1 };
    const state = inPhase({ kind: 'active', primary: 'orders-1', gate: 'closed', sync: told });
    expect(goalFor(state, 'orders-1', 0)).toMatchObject({ kind: 'lead', sync: told });
  });

  it('start nothing while clients are let in', () => {
    const open: Phase[] = [
      { kind: 'active', primary: 'orders-1', gate: 'open' },
      { kind: 'draining', primary: 'orders-1', target: 'orders-2', waitMs: 10 },
    ];
    const shut: Phase[] = [
      { kind: 'forming', primary: 'orders-1' },
      { kind: 'active', primary: 'orders-1', gate: 'closed', sync: SYNC },
    ];
    for (const phase of open) expect(goalFor(inPhase(phase), 'orders-1', 0)).toMatchObject({ start: false });
    for (const phase of shut) expect(goalFor(inPhase(phase), 'orders-1', 0)).toMatchObject({ start: true });
  });

  it('let nobody copy from a primary before it takes writes and its timeline has a checkpoint', () => {
    const state = buildCluster();
    const follow = goalFor(state, 'orders-2', 0);
    expect(follow).toMatchObject({ kind: 'follow', timeline: 1, sourceReady: true });
    const postgres = { ...state.instances['orders-1']!.report!.postgres, checkpointTimeline: 0 };
    const report = buildReport('orders-1', { seq: 2, postgres });
    expect(goalFor(observe(state, 1, { kind: 'report', report }), 'orders-2', 1)).toMatchObject({ sourceReady: false });
    const promoting: Phase = {
      ...{ kind: 'promoting', cause: 'failover', from: 'orders-1', candidate: 'orders-2', lsn: 1n },
      sync: SYNC,
    };
    expect(goalFor(inPhase(promoting), 'orders-3', 0)).toMatchObject({ timeline: 0, history: [], sourceReady: false });
  });
});
