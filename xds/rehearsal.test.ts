import { describe, expect, it } from 'vitest';
import { until } from '../test/support/until.ts';
import { rehearse } from './rehearsal.ts';
import { sampleSnapshot } from './rehearsal-sample.ts';
import type { Snapshot } from './snapshot.ts';

const clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms: number, action: () => void) {
    const timer = setTimeout(action, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

describe('rehearse', () => {
  /** Which changes were asked for, how often. */
  function counting() {
    const asked = new Map<number, number>();
    const snapshot = (change: number, before: Snapshot | undefined) => {
      asked.set(change, (asked.get(change) ?? 0) + 1);
      return sampleSnapshot(change, before);
    };
    return { asked, snapshot };
  }

  it('takes three proxies of each variant through all changes, and leaves nothing open', async () => {
    const { asked, snapshot } = counting();
    await rehearse({ clock, changes: 3, pauseMs: 0, snapshot });
    expect([...asked]).toEqual([0, 1, 2, 3].map((change) => [change, 6]));
    await until(() => openSockets() === 0, { what: 'its sockets to be closed' });
  });

  it('ends early', async () => {
    const { asked, snapshot } = counting();
    const stop = new AbortController();
    const stopping = (change: number, before: Snapshot | undefined) => {
      if (change === 2) stop.abort();
      return snapshot(change, before);
    };
    await rehearse({ clock, changes: 1_000_000, pauseMs: 0, snapshot: stopping, signal: stop.signal });
    expect([...asked.keys()]).toEqual([0, 1, 2]);
  });

  it('fails with what the snapshot throws, and leaves nothing open', async () => {
    const snapshot = () => {
      throw new Error('no such thing');
    };
    await expect(rehearse({ clock, changes: 1, snapshot })).rejects.toThrow('no such thing');
    await until(() => openSockets() === 0, { what: 'its sockets to be closed' });
  });
});

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
}
