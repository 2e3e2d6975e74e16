/**
 * Whether a primary whose PostgreSQL ended is started again in its place although a standby could be promoted: only
 * where it is known to be back sooner, or where nobody else may lead. Pure.
 */
import { tookMs, totalMs } from '../model/change-times.ts';
import { whyNoLeader } from '../model/cluster-spec.ts';
import { ableVoters } from './able-voters.ts';
import { type ClusterState, liveReport } from './state.ts';

/** One clause; null = somebody else takes over. */
export function whyInPlace(state: ClusterState, primary: string): string | null {
  const { spec } = state.record;
  if (ableVoters(state, primary).every((name) => whyNoLeader(spec, name) !== null)) return 'nobody else may lead';
  const postgres = liveReport(state, primary)?.postgres;
  // One that its agent stopped was cut off from everybody: that may happen again at once.
  if (postgres?.kind !== 'stopped' || postgres.how !== 'crashed') return null;
  return whySooner(state, primary, postgres.clean);
}

/** One clause: its PostgreSQL is known to be back, after a clean stop or a crash, before another one leads; null = no. */
export function whySooner(state: ClusterState, primary: string, clean: boolean): string | null {
  const restartMs = knownRestartMs(state, primary, clean);
  const failoverMs = knownFailoverMs(state);
  if (restartMs === null || failoverMs === null || restartMs >= failoverMs) return null;
  return `it was back in ${Math.round(restartMs)} ms last time, and a failover took ${Math.round(failoverMs)} ms`;
}

/**
 * What it took last to come back from such an end; null = that is not known, or it may be a crash loop: it was started
 * again without being asked for in this epoch before, or is being so.
 */
function knownRestartMs({ record }: ClusterState, primary: string, clean: boolean): number | null {
  const { epoch, history, phase } = record;
  if (phase.kind !== 'active' || phase.gate === 'closed') return null;
  const restarts = history.filter(({ change }) => change?.cause === 'restart' && change.from === primary);
  if (restarts.some((entry) => entry.epoch === epoch && tookMs(entry.change!, 'stopped') === undefined)) return null;
  // With nothing to recover it is there sooner than after a crash, never later.
  const last = restarts.findLast(({ change }) => clean || tookMs(change!, 'recovered') !== undefined)?.change;
  return last ? totalMs(last) - (tookMs(last, 'stopped') ?? 0) : null;
}

/** What the last failover took once it was decided. */
function knownFailoverMs({ record }: ClusterState): number | null {
  const last = record.history.findLast(({ change }) => change?.cause === 'failover')?.change;
  if (!last) return null;
  return totalMs(last) - (tookMs(last, 'detected') ?? 0);
}
