/** From which instance each standby streams: the primary, but for cascades and for a candidate that catches up. Pure. */
import { memberNames, primaryOf } from '../model/cluster-record.ts';
import { tagsOf } from '../model/cluster-spec.ts';
import { type ClusterState, liveReport } from './state.ts';

/** Whom `instance` gets WAL from now; '' = nobody. */
export function sourceOf(state: ClusterState, instance: string): string {
  const { phase } = state.record;
  if (phase.kind === 'fencing') return phase.catchUp?.candidate === instance ? phase.catchUp.from : '';
  const primary = primaryOf(phase);
  return cascadeSource(state, primary, instance) ?? primary;
}

/** Those that stream from `instance`, which is not the primary. */
export function servedBy(state: ClusterState, instance: string): string[] {
  if (instance === primaryOf(state.record.phase)) return [];
  return memberNames(state.record).filter((name) => name !== instance && sourceOf(state, name) === instance);
}

/**
 * The standby that a cascade streams from; null = it has to stream from the primary: it votes still, its source is
 * gone, or it joins or rejoins, for which only the primary is good enough.
 */
function cascadeSource(state: ClusterState, primary: string, instance: string): string | null {
  const { phase, spec, leaving, sync } = state.record;
  const source = tagsOf(spec, instance).replicateFrom;
  if (source === '' || source === primary || instance === primary || leaving.includes(source)) return null;
  if (phase.kind !== 'active' && phase.kind !== 'draining') return null;
  if (sync.voters.includes(instance) || !runsAsStandby(state, instance)) return null;
  const postgres = liveReport(state, source)?.postgres;
  return runsAsStandby(state, source) && postgres?.kind === 'standby' && postgres.streaming ? source : null;
}

function runsAsStandby(state: ClusterState, instance: string): boolean {
  const report = liveReport(state, instance);
  return report?.postgres.kind === 'standby' && report.timeline === state.record.timeline;
}
