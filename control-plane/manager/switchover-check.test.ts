import { describe, expect, it } from 'vitest';
import { buildCluster, buildReport, observe } from '../../test/support/build-cluster.ts';
import { NO_OPERATIONS } from '../model/operations.ts';
import { checkSwitchover, SWITCHOVER_LAG_MOST_BYTES } from './decide-switchover.ts';
import { explain } from './explain.ts';

const request = { to: '', waitMs: 0 };

/** orders-1 is `ahead` bytes further than orders-2 and orders-3 have replayed. */
function behind(ahead: bigint) {
  const state = buildCluster();
  const report = state.instances['orders-1']!.report!;
  if (report.postgres.kind !== 'primary') throw new Error('orders-1 leads');
  const postgres = { ...report.postgres, flushLsn: 2000n + ahead };
  return observe(state, 5, { kind: 'report', report: buildReport('orders-1', { seq: 9, postgres }) });
}

describe('the check of a switchover', () => {
  it('forbids a target that is far behind, and only that', () => {
    expect(checkSwitchover(behind(SWITCHOVER_LAG_MOST_BYTES), request).forbidden).toEqual([]);
    const { forbidden } = checkSwitchover(behind(SWITCHOVER_LAG_MOST_BYTES + 1n), { ...request, to: 'orders-2' });
    expect(forbidden).toEqual(['orders-2 is not fit: it is 16777217 bytes of WAL behind: wait until it has caught up']);
  });

  it('counts no fenced voter, and says everything at once', () => {
    const fenced = buildCluster({ record: { operations: { ...NO_OPERATIONS, fenced: ['orders-3'] } } });
    expect(checkSwitchover(fenced, { ...request, to: 'orders-3' }).forbidden).toEqual([
      'orders-3 is not fit: it is fenced: howdah unfence orders-3',
      '2 voters must be able to promise, and only 1 can be reached',
    ]);
  });
});

describe('explain', () => {
  it('says that a failover because of silence would wait', () => {
    const rests = buildCluster({ record: { operations: { ...NO_OPERATIONS, silentEpoch: 1 } } });
    expect(explain(rests, '').summary).toContain('If it only fell silent, that would wait');
    expect(explain(buildCluster(), '').summary).not.toContain('silent');
  });
});
