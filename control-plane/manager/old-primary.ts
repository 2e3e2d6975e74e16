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
 * told to stop, so its next word takes a moment. The same for one that is back and whose PostgreSQL did not answer to it
 * yet, as after both were frozen. Who falls silent may never speak again, and counts as isolated. Nobody is waited for
 * longer than a lease: from the begin of the phase, since which this control plane has not renewed it, or from when it
 * was back; one that was frozen for longer needs a moment too until it has stopped. null = none.
 */
export function oldPrimary(state: ClusterState, primary: string, now: number): OldPrimary | null {
  const { suspectAfterMs, leaseMs } = state.record.spec.failover;
  for (const instance of memberNames(state.record)) {
    const { link, report, reportAt } = observed(state, instance);
    if (instance === primary || link.kind !== 'up') continue;
    const word = report !== null && reportAt >= link.since ? report.postgres.kind : null;
    if (word !== null && word !== 'primary' && word !== 'unresponsive') continue;
    const heardAt = word === 'primary' ? reportAt : link.since;
    const until = Math.min(heardAt + suspectAfterMs, Math.max(state.phaseSince, link.since) + leaseMs);
    if (now < until) return { instance, until };
  }
  return null;
}
