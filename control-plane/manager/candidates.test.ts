import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Contender, chooseCandidate, type KnownHistory } from './candidates.ts';

const known: KnownHistory = { timeline: 2, history: [{ timeline: 1, endLsn: 1000n }], unconfirmed: false };
const PLAIN = { barred: null, priority: 0 } as const;
const on2 = (instance: string, lsn: bigint): Contender => ({
  ...{ instance, timeline: 2, history: known.history, lsn },
  ...PLAIN,
});
const on1 = (instance: string, lsn: bigint): Contender => ({
  ...{ instance, timeline: 1, history: [], lsn },
  ...PLAIN,
});

const anyContenders = fc.uniqueArray(
  fc.record({
    instance: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    timeline: fc.constantFrom(1, 2),
    lsn: fc.bigInt({ min: 900n, max: 1100n }),
  }),
  { selector: ({ instance }) => instance, minLength: 1 },
);
const contenders = anyContenders.map((list) =>
  list.map(({ instance, timeline, lsn }) => (timeline === 1 ? on1(instance, lsn) : on2(instance, lsn + 1000n))),
);

describe('chooseCandidate', () => {
  it('chooses nobody who is behind another that may lead, and says why each other was passed over', () => {
    fc.assert(
      fc.property(contenders, fc.constantFrom('', 'a', 'e'), (list, prefer) => {
        const choice = chooseCandidate(list, known, prefer);
        const passedOver = choice.passedOver.map(({ instance }) => instance);
        if (choice.kind === 'none') {
          expect(list.every(({ timeline, lsn }) => timeline === 1 && lsn > 1000n)).toBe(true);
          expect(passedOver.sort()).toEqual(list.map(({ instance }) => instance).sort());
          return;
        }
        const { contender } = choice;
        const eligible = list.filter(({ timeline, lsn }) => timeline === 2 || lsn <= 1000n);
        for (const other of eligible) {
          expect(other.timeline <= contender.timeline).toBe(true);
          if (other.timeline === contender.timeline) expect(other.lsn <= contender.lsn).toBe(true);
        }
        expect([...passedOver, contender.instance].sort()).toEqual(list.map(({ instance }) => instance).sort());
      }),
    );
  });

  it('does not depend on the order in which they promised', () => {
    fc.assert(
      fc.property(contenders, (list) => {
        const name = (choice: ReturnType<typeof chooseCandidate>) =>
          choice.kind === 'chosen' ? choice.contender.instance : '';
        expect(name(chooseCandidate(list.toReversed(), known, ''))).toBe(name(chooseCandidate(list, known, '')));
      }),
    );
  });

  it('is a total order: pairs never contradict each other nor the whole', () => {
    const eligible = contenders.map((list) => list.filter(({ timeline, lsn }) => timeline === 2 || lsn <= 1000n));
    fc.assert(
      fc.property(eligible, fc.constantFrom('', 'a', 'e'), (list, prefer) => {
        const better = (...of: Contender[]) => {
          const choice = chooseCandidate(of, known, prefer);
          return choice.kind === 'chosen' ? choice.contender : undefined;
        };
        for (const a of list) {
          for (const b of list) {
            expect(better(a, b)).toBe(better(b, a));
            for (const c of list) {
              if (better(a, b) === a && better(b, c) === b) expect(better(a, c)).toBe(a);
            }
          }
        }
        const best = better(...list);
        for (const other of list) expect(better(other, best!)).toBe(best);
      }),
    );
  });

  it('prefers the one that was asked for only among equals', () => {
    const level = chooseCandidate([on2('a', 2000n), on2('b', 2000n)], known, 'b');
    expect(level).toMatchObject({
      contender: { instance: 'b' },
      passedOver: [{ instance: 'a', why: 'it is level with b, which was asked for' }],
    });
    expect(chooseCandidate([on2('a', 2001n), on2('b', 2000n)], known, 'b')).toMatchObject({
      contender: { instance: 'a' },
      passedOver: [{ instance: 'b', why: 'it is 1 bytes behind a' }],
    });
  });

  it('never chooses one that diverged or is on a timeline that nobody recorded', () => {
    const stranger: Contender = { instance: 'x', timeline: 3, history: [], lsn: 9999n, ...PLAIN };
    const empty: Contender = { instance: 'y', timeline: 0, history: [], lsn: 0n, ...PLAIN };
    expect(chooseCandidate([on1('old', 1001n), stranger, empty], known, '')).toEqual({
      kind: 'none',
      passedOver: [
        { instance: 'old', why: 'it diverged: it has WAL up to 0/3E9 on timeline 1, which the cluster left at 0/3E8' },
        { instance: 'x', why: 'its timeline 3 is not one that Howdah recorded' },
        { instance: 'y', why: 'it has no data' },
      ],
    });
  });

  it('counts one that diverged only for a candidate that has all of the history up to where it left it', () => {
    const diverged = on1('d', 1008n);
    const witnesses = (list: Contender[], history = known) => {
      const choice = chooseCandidate(list, history, '');
      return choice.kind === 'chosen' ? choice.witnesses : 0;
    };
    // A commit that the other one lacks can be in what the diverged one holds below the fork.
    expect(witnesses([on1('behind', 992n), diverged])).toBe(1);
    expect(witnesses([on1('at-the-fork', 1000n), diverged])).toBe(2);
    expect(witnesses([on1('behind', 992n), on2('beyond', 1001n), diverged])).toBe(3);
    // One that was promoted by hand holds what was recorded up to there.
    const byHand = (endLsn: bigint): Contender => ({
      ...{ instance: 'h', timeline: 3, history: [...known.history, { timeline: 2, endLsn }], lsn: 9999n },
      ...PLAIN,
    });
    expect(witnesses([on2('a', 2000n), byHand(2000n)])).toBe(2);
    expect(witnesses([on2('a', 2000n), byHand(2001n)])).toBe(1);
    // Nothing that was recorded.
    expect(witnesses([on2('a', 2000n), { instance: 'y', timeline: 0, history: [], lsn: 0n, ...PLAIN }])).toBe(1);
    // A promotion that was not recorded left behind what was acknowledged by nobody.
    const unconfirmed = { ...known, unconfirmed: true };
    expect(witnesses([byHand(2000n), on2('ahead', 2050n)], unconfirmed)).toBe(2);
  });

  it('prefers the higher priority among equals only, and never one that is barred', () => {
    const high: Contender = { ...on2('b', 2000n), priority: 5 };
    expect(chooseCandidate([on2('a', 2000n), high], known, '')).toMatchObject({
      contender: { instance: 'b' },
      passedOver: [{ instance: 'a', why: 'it is level with b, which has a higher priority' }],
    });
    expect(chooseCandidate([on2('a', 2001n), high], known, '')).toMatchObject({ contender: { instance: 'a' } });
    expect(chooseCandidate([on2('a', 2000n), high], known, 'a')).toMatchObject({ contender: { instance: 'a' } });
    const barred: Contender = { ...on2('c', 2000n), barred: 'it may not', priority: 9 };
    const level = chooseCandidate([on2('a', 2000n), barred], known, 'c');
    expect(level).toMatchObject({ contender: { instance: 'a' }, ahead: null });
    expect(level.passedOver).toEqual([{ instance: 'c', why: 'it may not' }]);
    expect(chooseCandidate([barred], known, '').kind).toBe('none');
  });

  it('tells who of those that are barred holds more', () => {
    const barred: Contender = { ...on2('c', 2001n), barred: 'it may not' };
    const choice = chooseCandidate([on2('a', 2000n), barred, { ...barred, instance: 'd', lsn: 2002n }], known, '');
    expect(choice).toMatchObject({ contender: { instance: 'a' }, ahead: { instance: 'd' } });
    const diverged: Contender = { ...on1('e', 1001n), barred: 'it may not' };
    expect(chooseCandidate([on2('a', 2000n), diverged], known, '')).toMatchObject({ ahead: null });
  });

  it('accepts the timeline of a promotion that may have happened unrecorded, and leaves out who is ahead of its fork', () => {
    const promoted: Contender = {
      instance: 'p',
      timeline: 3,
      history: [...known.history, { timeline: 2, endLsn: 2000n }],
      lsn: 2100n,
      ...PLAIN,
    };
    const choice = chooseCandidate([promoted, on2('ahead', 2050n)], { ...known, unconfirmed: true }, '');
    expect(choice).toMatchObject({
      contender: { instance: 'p' },
      passedOver: [{ instance: 'ahead', why: 'it diverged: p left timeline 2 at 0/7D0, before its 0/802' }],
    });
  });
});
