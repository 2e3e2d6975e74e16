import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import { buildSpec } from '../../test/support/build-record.ts';
import { NO_OPERATIONS } from '../model/operations.ts';
import type { PendingRestart } from '../model/settings.ts';
import { decideSettings } from './decide-settings.ts';
import { settingsFor } from './settings.ts';
import { type ClusterState, observed } from './state.ts';

const raised: PendingRestart = { name: 'max_connections', running: '100', wanted: '200' };
const lowered: PendingRestart = { name: 'max_worker_processes', running: '8', wanted: '4' };
const other: PendingRestart = { name: 'shared_buffers', running: '4096', wanted: '2048' };

/** Each instance tells what waits for a restart there; `unread`: those that have not read the newest file. */
function waiting(
  pending: Readonly<Record<string, readonly PendingRestart[]>>,
  unread: readonly string[] = [],
): ClusterState {
  const state = buildCluster();
  return ['orders-1', 'orders-2', 'orders-3'].reduce((next, name) => {
    const version = unread.includes(name) ? 'old' : settingsFor(state.record, name).version;
    const { postgres } = observed(state, name).report!;
    const settings = { version, pendingRestart: pending[name] ?? [], checked: null };
    return observe(next, 0, { kind: 'report', report: buildReport(name, { seq: 2, postgres, settings }) });
  }, state);
}

const everywhere = (...pending: PendingRestart[]) => ({
  'orders-1': pending,
  'orders-2': pending,
  'orders-3': pending,
});

describe('settings that need a restart', () => {
  it('ask for nothing while none waits, or while one is being restarted already', () => {
    expect(decideSettings(waiting({}), 'orders-1')).toBeNull();
    const state = waiting(everywhere(raised));
    const operations = { ...NO_OPERATIONS, restarts: [{ instance: 'orders-2', stage: 'stop' }] } as const;
    expect(decideSettings({ ...state, record: { ...state.record, operations } }, 'orders-1')).toBeNull();
  });

  it('wait until everybody has read them', () => {
    const decision = decideSettings(waiting(everywhere(raised), ['orders-3']), 'orders-1');
    expect(decision).toMatchObject({ change: null, reason: expect.stringContaining('orders-3') });
  });

  it.each([
    ['raised', [raised]],
    ['of another kind', [other]],
  ])('%s: a rolling restart of all', (_name, pending) => {
    const { change } = decideSettings(waiting(everywhere(...pending)), 'orders-1')!;
    expect(change!.record.operations).toMatchObject({ rolling: { done: [] }, restarts: [] });
  });

  it('leave those alone that have nothing to wait for', () => {
    const { change } = decideSettings(waiting({ 'orders-3': [raised] }), 'orders-1')!;
    expect(change!.record.operations.rolling).toMatchObject({ done: ['orders-1', 'orders-2'] });
  });

  it('lowered: the primary first, then the standbys', () => {
    const first = decideSettings(waiting(everywhere(lowered)), 'orders-1')!;
    expect(first.change!.record.operations).toMatchObject({
      rolling: null,
      restarts: [{ instance: 'orders-1', stage: 'stop' }],
    });
    const then = decideSettings(waiting({ 'orders-2': [lowered], 'orders-3': [lowered] }), 'orders-1')!;
    expect(then.change!.record.operations.rolling).toMatchObject({ done: ['orders-1'] });
  });

  it('some raised and some lowered: standbys, then the primary in its place, then standbys again', () => {
    const first = decideSettings(waiting(everywhere(raised, lowered)), 'orders-1')!;
    expect(first.change!.record.operations.rolling).toMatchObject({ done: ['orders-1'] });
    const left = waiting({ 'orders-1': [raised, lowered], 'orders-2': [lowered], 'orders-3': [lowered] });
    expect(decideSettings(left, 'orders-1')!.change!.record.operations.restarts).toMatchObject([
      { instance: 'orders-1' },
    ]);
  });
});

describe('the settings of an instance', () => {
  it('are those of the spec, with the delay of its tags once it has no vote', () => {
    const tags = { noFailover: false, priority: 0, applyDelayMs: 5000, replicateFrom: '', reads: false };
    const { record } = buildCluster({ record: { spec: buildSpec({ tags: { 'orders-3': tags } }) } });
    expect(settingsFor(record, 'orders-3').parameters).toEqual(record.spec.postgres.parameters);
    const free = { ...record, sync: { voters: ['orders-2'], k: 1 } };
    expect(settingsFor(free, 'orders-3').parameters).toMatchObject({ recovery_min_apply_delay: '5000ms' });
    expect(settingsFor(free, 'orders-3').version).not.toBe(settingsFor(free, 'orders-2').version);
    const leads = { ...free, phase: { kind: 'active', primary: 'orders-3', gate: 'open' } } as const;
    expect(settingsFor(leads, 'orders-3').parameters).not.toHaveProperty('recovery_min_apply_delay');
  });
});
