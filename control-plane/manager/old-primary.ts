/**
 * A primary of before that lives, while another one is about to take writes. It acknowledges nothing any more, but
 * whoever is still led to it reads what is old by then. Pure.
 */
import { memberNames } from '../model/cluster-record.ts';
import { type ClusterState, observed } from './state.ts';

export interface OldPrimary {
  readonly instance: string;
  /** It is waited for no longer than until then, monotonic ms. */
  readonly until: number;
}

/**
 * One whose own word is that it runs as a primary still, or that has just connected and said nothing yet: it has been
 * told to stop, so its next word takes a moment. Who falls silent may never speak again, and counts as isolated. Nobody
 * is waited for longer than a lease, which this control plane has not renewed since the phase began. null = none.
 */
export function oldPrimary(state: ClusterState, primary: string, now: number): OldPrimary | null {
  const { suspectAfterMs, leaseMs } = state.record.spec.failover;
  for (const instance of memberNames(state.record)) {
    const { link, report, reportAt } = observed(state, instance);
    if (instance === primary || link.kind !== 'up') continue;
    const hasSpoken = report !== null && reportAt >= link.since;
    if (hasSpoken && report.postgres.kind !== 'primary') continue;
    const until = Math.min(Math.max(reportAt, link.since) + suspectAfterMs, state.phaseSince + leaseMs);
    if (now < until) return { instance, until };
  }
  return null;
}
