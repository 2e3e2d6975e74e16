import { describe, expect, it } from 'vitest';
import { buildReport } from '../../test/support/build-cluster.ts';
import { buildPlacement, buildSpec } from '../../test/support/build-record.ts';
import type { InstanceReport, PostgresState } from '../model/instance.ts';
import { type Heard, rebuildRecord } from './rebuild.ts';

const SYNC = { voters: ['orders-2', 'orders-3'], k: 1 };
const row = (name: string) =>
  ({ name, state: 'streaming', syncState: 'quorum', flushLsn: 2000n, replayLsn: 2000n }) as const;
const leads: PostgresState = {
  ...{ kind: 'primary', flushLsn: 2000n, endOfRecoveryLsn: 1000n, sync: SYNC },
  ...{ standbys: [row('orders-2'), row('orders-3')], checkpointTimeline: 1, activeTransactions: 0 },
};
const heard = (instance: string, change: Partial<InstanceReport> = {}): Heard => ({
  report: buildReport(instance, change),
  placement: buildPlacement(Number(instance.at(-1))),
});
const spec = buildSpec();
const rebuilt = (...all: Heard[]) => {
  const result = rebuildRecord(spec, all);
  return result.kind === 'record' ? result.record : result.reasons.join();
};

describe('a record from what agents report', () => {
  const primary = heard('orders-1', { postgres: leads });

  it('keeps the primary that its voters receive from, in an epoch above every promise', () => {
    expect(rebuilt(primary, heard('orders-2'))).toMatchObject({
      epoch: 2,
      phase: { kind: 'active', primary: 'orders-1', gate: 'closed', sync: SYNC },
      sync: SYNC,
      systemId: '7400000000000000000',
    });
  });

  it.each<[string, Heard[]]>([
    [
      'nobody receives from it',
      [primary, heard('orders-2', { postgres: { kind: 'standby', receiveLsn: 1n, replayLsn: 1n, streaming: false } })],
    ],
    ['another one promised a later epoch', [primary, heard('orders-2'), heard('orders-3', { promisedEpoch: 7 })]],
    ['another one is on a later timeline', [primary, heard('orders-2'), heard('orders-3', { timeline: 2 })]],
    ['there are two', [primary, heard('orders-2', { postgres: leads })]],
    ['there is none', [heard('orders-2'), heard('orders-3')]],
  ])('has the instances choose when %s', (_name, all) => {
    expect(rebuilt(...all)).toMatchObject({
      phase: { kind: 'fencing', authority: '' },
      // One of any two of three has what the primary of then and one other have.
      sync: { voters: ['orders-1', 'orders-2', 'orders-3'], k: 2 },
      epoch: Math.max(...all.map(({ report }) => report.promisedEpoch)) + 1,
    });
  });

  it('is refused while too few report, and for data that is not of one cluster', () => {
    expect(rebuilt()).toContain('no agent with data');
    expect(rebuilt(heard('orders-2'))).toContain('2 of 3 instances with data must report');
    expect(rebuilt(heard('orders-2'), heard('orders-3', { systemId: '1' }))).toContain('different clusters');
    expect(rebuilt(primary, heard('orders-2'), heard('orders-4'))).toContain('orders-4 report too');
    expect(rebuilt(heard('orders-2'), heard('orders-3', { systemId: '', timeline: 0 }))).toContain(
      'start orders-1, orders-3',
    );
  });
});
