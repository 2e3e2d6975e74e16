/** What the health endpoint may say, from what the agent knows. Pure. */
import type { Goal } from '../control-plane/model/goal.ts';
import type { HealthView } from './health/answer.ts';
import { standbyLagBytes } from './health/lag.ts';
import type { Observed } from './observe/observed.ts';

/** @param silentMs since it was last seen streaming. */
export function healthView(goal: Goal | null, observed: Observed, silentMs: number): HealthView {
  const { server } = observed;
  const epoch = goal?.epoch ?? 0;
  const off = { role: 'none', epoch, lagBytes: null, ready: false } as const;
  switch (server.kind) {
    case 'primary':
      // One that was promoted by hand, or is about to be stopped, takes no writes.
      if (goal?.kind !== 'lead') return { ...off, ready: true, detail: 'a primary that was not told to lead' };
      if (server.override.closed || server.written.closed)
        return { ...off, detail: 'a primary that lets nobody in before standbys hold what it recovered' };
      return { role: 'primary', epoch, lagBytes: null, ready: true, detail: `primary of epoch ${epoch}` };
    case 'standby': {
      const lagBytes = standbyLagBytes(server, server.walReceiver === 'streaming' ? 0 : silentMs);
      // What is ahead of its primary's fork shows rows that will be gone.
      if (server.walMissing) return { ...off, ready: true, detail: 'the primary no longer has the WAL it needs' };
      return { role: 'standby', epoch, lagBytes, ready: true, detail: `standby on timeline ${observed.timeline}` };
    }
    case 'absent':
    case 'broken':
    case 'stopped':
    case 'starting':
    case 'stopping':
    case 'unresponsive':
      return { ...off, detail: `PostgreSQL is ${server.kind}` };
  }
}
