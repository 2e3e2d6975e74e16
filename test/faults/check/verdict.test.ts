import { describe, expect, it } from 'vitest';
import type { History, Operation } from './history.ts';
import { isSound, judge } from './verdict.ts';

function operation(fields: Partial<Operation> & Pick<Operation, 'kind' | 'value' | 'calledAt'>): Operation {
  return { client: 1, key: 1, answeredAt: fields.calledAt + 1, outcome: 'ok', ...fields };
}

function history(operations: readonly Operation[], fields: Partial<History> = {}): History {
  return { operations, glances: [], unprotectedReads: 0, ...fields };
}

describe('the verdict', () => {
  const acknowledged = operation({ kind: 'write', value: 1, calledAt: 1 });

  it('is sound when everything acknowledged and read is there', () => {
    const verdict = judge(history([acknowledged, operation({ kind: 'read', value: 1, calledAt: 5 })]), new Set([1]));
    expect(verdict).toMatchObject({ acknowledged: 1, reads: 1, lost: [], rolledBack: [], violations: [] });
    expect(isSound(verdict)).toBe(true);
  });

  it('names an acknowledged row that is gone, as an asynchronous failover loses it', () => {
    // Acknowledged by the old primary, not there on the new one, which the next read shows.
    const lossy = [
      acknowledged,
      operation({ kind: 'write', value: 2, calledAt: 3 }),
      operation({ kind: 'read', value: 1, calledAt: 10, client: 2 }),
    ];
    const verdict = judge(history(lossy), new Set([1]));
    expect(verdict.lost).toEqual([2]);
    expect(verdict.violations).toEqual(['register 1: the read of 1 (10.0 to 11.0 ms) fits nowhere; it held 2 at best']);
    expect(isSound(verdict)).toBe(false);
  });

  it('names what was read and is gone', () => {
    const unknown = operation({ kind: 'write', value: 1, calledAt: 1, outcome: 'unknown' });
    const verdict = judge(history([unknown, operation({ kind: 'read', value: 1, calledAt: 2 })]), new Set());
    expect(verdict).toMatchObject({ lost: [], rolledBack: [1] });
    expect(isSound(verdict)).toBe(false);
  });

  it('asks nothing of a write whose fate is unknown', () => {
    const unknown = operation({ kind: 'write', value: 1, calledAt: 1, outcome: 'unknown' });
    for (const rows of [new Set([1]), new Set<number>()]) expect(isSound(judge(history([unknown]), rows))).toBe(true);
  });

  it('names a row of a write that was said to have failed', () => {
    const failed = operation({ kind: 'write', value: 1, calledAt: 1, outcome: 'failed' });
    expect(judge(history([failed]), new Set([1])).undead).toEqual([1]);
  });

  it('names a connection to ro that went back; another connection may', () => {
    const seen = (connection: number, highest: number) => ({ connection, writer: 1, highest, at: 0 });
    expect(isSound(judge(history([], { glances: [seen(1, 5), seen(2, 3), seen(2, 4)] }), new Set()))).toBe(true);
    expect(judge(history([], { glances: [seen(1, 5), seen(1, 4)] }), new Set()).wentBack).toHaveLength(1);
  });
});
