import { describe, expect, it } from 'vitest';
import type { Goal } from '../control-plane/model/goal.ts';
import { buildObserved, buildPrimary, buildStandby } from '../test/support/build-observed.ts';
import { healthView } from './health-view.ts';

const lead: Goal = { kind: 'lead', epoch: 4, sync: { voters: [], k: 0 }, create: false, start: true, members: [] };
const fence: Goal = { kind: 'fence', epoch: 5 };

describe('healthView', () => {
  it('is the primary only of the epoch that it was told to lead', () => {
    const observed = buildObserved({ server: buildPrimary() });
    expect(healthView(lead, observed, 0)).toMatchObject({ role: 'primary', epoch: 4, ready: true });
    expect(healthView(fence, observed, 0).role).toBe('none');
    expect(healthView(null, observed, 0).role).toBe('none');
  });

  it('is nobody’s primary while it is closed, or was so a moment ago', () => {
    const { override } = buildPrimary();
    for (const closed of [{ override: { ...override, closed: true } }, { written: { ...override, closed: true } }]) {
      const observed = buildObserved({ server: buildPrimary(closed) });
      expect(healthView(lead, observed, 0)).toMatchObject({ role: 'none', ready: false });
    }
  });

  it('tells a standby’s lag', () => {
    const server = buildStandby({ receiveLsn: 1500n, replayLsn: 1000n });
    expect(healthView(null, buildObserved({ server }), 0)).toMatchObject({ role: 'standby', lagBytes: 500n });
    const silent = buildStandby({ walReceiver: 'none' });
    expect(healthView(null, buildObserved({ server: silent }), 60_000).lagBytes).toBeNull();
  });

  it('is not ready while PostgreSQL does not answer', () => {
    const server = { kind: 'unresponsive', role: 'primary' } as const;
    expect(healthView(lead, buildObserved({ server }), 0)).toMatchObject({ role: 'none', ready: false });
  });
});
