import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRegister, type RegisterOperation } from './register.ts';

const NEVER = Number.POSITIVE_INFINITY;

function write(value: number, calledAt: number, answeredAt: number): RegisterOperation {
  return { kind: 'write', value, calledAt, answeredAt };
}

function read(value: number, calledAt: number, answeredAt: number): RegisterOperation {
  return { kind: 'read', value, calledAt, answeredAt };
}

describe('a history that fits', () => {
  it.each([
    ['nothing', []],
    ['the first value', [read(0, 1, 2)]],
    ['one after the other', [write(1, 1, 2), read(1, 3, 4), write(2, 5, 6), read(2, 7, 8)]],
    ['a read during a write, before it', [write(1, 1, 10), read(0, 2, 3), read(1, 4, 5)]],
    ['two writes at once, seen in either order', [write(1, 1, 10), write(2, 1, 10), read(2, 11, 12)]],
    ['an unanswered write that took effect late', [write(1, 1, NEVER), read(0, 2, 3), write(2, 4, 5), read(1, 6, 7)]],
    ['an unanswered write that never did', [write(1, 1, NEVER), read(0, 2, 3)]],
  ])('%s', (_, operations) => {
    expect(checkRegister(operations, 0)).toEqual({ kind: 'linearizable' });
  });
});

describe('a history that does not', () => {
  it.each([
    ['a lost write', [write(1, 1, 2), read(0, 3, 4)]],
    ['a read that was rolled back', [write(1, 1, NEVER), read(1, 2, 3), read(0, 4, 5)]],
    ['a stale read after a newer one', [write(1, 1, 2), write(2, 3, 10), read(2, 4, 5), read(1, 6, 7)]],
    ['a value from the future', [read(1, 1, 2), write(1, 3, 4)]],
    ['a value that nobody wrote', [read(7, 1, 2)]],
    ['two readers that disagree', [write(1, 1, 2), write(2, 1, 2), read(1, 3, 4), read(2, 5, 6), read(1, 7, 8)]],
    [
      'a write that takes effect twice',
      [write(1, 1, NEVER), read(1, 2, 3), write(2, 4, 5), read(2, 6, 7), read(1, 8, 9)],
    ],
  ])('%s', (_, operations) => {
    expect(checkRegister(operations, 0)).toMatchObject({ kind: 'violated' });
  });

  it('says which operation fits nowhere', () => {
    expect(checkRegister([write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)], 0)).toEqual({
      kind: 'violated',
      operation: read(1, 5, 6),
      value: 2,
    });
  });
});

describe('of any history', () => {
  /** Small ones, often wrong: values from few, times that overlap. */
  const operations = fc
    .array(fc.record({ isRead: fc.boolean(), seen: fc.nat(5), from: fc.nat(20), took: fc.nat(12), lost: fc.nat(4) }), {
      maxLength: 7,
    })
    .map((all) =>
      all.map(({ isRead, seen, from, took, lost }, index): RegisterOperation => {
        if (isRead) return read(seen, from, from + took + 0.5);
        return write(index + 1, from, lost === 0 ? NEVER : from + took + 0.5);
      }),
    );

  it('the verdict is that of trying every order', () => {
    fc.assert(
      fc.property(operations, (history) => {
        expect(checkRegister(history, 0).kind).toBe(fitsSomehow(history, 0) ? 'linearizable' : 'violated');
      }),
      { numRuns: 3000 },
    );
  });

  it('a thousand operations of a real register are checked in no time', () => {
    const history: RegisterOperation[] = [];
    let held = 0;
    for (let at = 1; at <= 1000; at++) {
      if (at % 3 === 0) {
        held = at;
        history.push(write(at, at - 3, at % 30 === 0 ? NEVER : at + 2));
      } else history.push(read(held, at - 0.5, at + 1.5));
    }
    const since = performance.now();
    expect(checkRegister(history, 0).kind).toBe('linearizable');
    expect(performance.now() - since).toBeLessThan(2000);
  });
});

/** By the definition: some order of all answered and some unanswered operations, none before one that had ended. */
function fitsSomehow(left: readonly RegisterOperation[], value: number): boolean {
  if (left.every(({ answeredAt }) => answeredAt === NEVER)) return true;
  const firstAnswer = Math.min(...left.map(({ answeredAt }) => answeredAt));
  return left.some((operation) => {
    if (operation.calledAt > firstAnswer || (operation.kind === 'read' && operation.value !== value)) return false;
    const rest = left.filter((other) => other !== operation);
    return fitsSomehow(rest, operation.kind === 'write' ? operation.value : value);
  });
}
