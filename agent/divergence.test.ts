import { describe, expect, it } from 'vitest';
import { buildObserved, buildStandby, buildStopped } from '../test/support/build-observed.ts';
import { divergence } from './divergence.ts';

const history = [
  { timeline: 1, endLsn: 1000n },
  { timeline: 2, endLsn: 2000n },
];
const primary = { timeline: 3, history };
const exPrimary = buildStopped({ ranAs: 'primary', standbySignal: false });

describe('divergence', () => {
  it('compares the end of the own WAL with the fork of the own timeline', () => {
    const onTwo = { timeline: 2, history: history.slice(0, 1) };
    const standbyAt = (replayLsn: bigint) => buildObserved({ ...onTwo, server: buildStandby({ replayLsn }) });
    expect(divergence(primary, standbyAt(2000n))).toBe('none');
    expect(divergence(primary, standbyAt(2001n))).toBe('rewind');
    const cleanAt = (checkpointLsn: bigint) => buildObserved({ ...onTwo, server: { ...exPrimary, checkpointLsn } });
    expect(divergence(primary, cleanAt(1999n))).toBe('none');
    expect(divergence(primary, cleanAt(2000n))).toBe('rewind');
  });

  it('rewinds a crashed primary, whose end is unknown', () => {
    const server = { ...exPrimary, clean: false, checkpointLsn: 1n };
    expect(divergence(primary, buildObserved({ server }))).toBe('rewind');
  });

  it('rewinds from a timeline that the primary never was on', () => {
    const own = { timeline: 4, history: [...history, { timeline: 3, endLsn: 3000n }] };
    expect(divergence(primary, buildObserved(own))).toBe('rewind');
  });

  it('replaces what wrote the same timeline number as the primary', () => {
    expect(divergence(primary, buildObserved({ timeline: 3, history, server: exPrimary }))).toBe('replace');
    const otherFork = [history[0]!, { timeline: 2, endLsn: 1999n }];
    expect(divergence(primary, buildObserved({ timeline: 3, history: otherFork }))).toBe('replace');
    expect(divergence(primary, buildObserved({ timeline: 3, history }))).toBe('none');
  });

  it('takes a history that it does not know for none of its business', () => {
    expect(divergence(primary, buildObserved({ timeline: 3, history: [] }))).toBe('none');
  });
});
