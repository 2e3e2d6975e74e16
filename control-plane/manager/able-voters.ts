/** Who could promise a new epoch at this moment. Pure. */
import { isFenced } from '../model/operations.ts';
import { promiseQuorum } from '../model/sync.ts';
import { type ClusterState, liveReport } from './state.ts';

/** Those whose positions count in a failover from `primary`, of those that are here. */
export function ableVoters(state: ClusterState, primary: string): string[] {
  const { spec, sync } = state.record;
  const able = Object.keys(state.instances).filter((name) => name !== primary && isStandbyHere(state, name));
  return spec.durability.mode === 'async' ? able : able.filter((name) => sync.voters.includes(name));
}

/** Enough of them. */
export function canFence(state: ClusterState, primary: string): boolean {
  const { spec, sync } = state.record;
  const able = ableVoters(state, primary).length;
  if (spec.durability.mode === 'async') return able > 0;
  return sync.voters.length > 0 && able >= promiseQuorum(sync);
}

/** It has data that it could tell of. */
export function isStandbyHere(state: ClusterState, name: string): boolean {
  if (isFenced(state.record.operations, name)) return false;
  const kind = liveReport(state, name)?.postgres.kind;
  // One that is stopped is started by the fence; one that is being made has nothing to bring.
  return kind === 'standby' || kind === 'stopped' || kind === 'starting';
}
