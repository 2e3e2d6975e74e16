/** States of a cluster as deciding sees them, for tests: orders-1 leads epoch 1, the others stream. */

import { reduce } from '../../control-plane/manager/reduce.ts';
import { type ClusterState, initialState, type Observation } from '../../control-plane/manager/state.ts';
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import type { InstanceReport, PostgresState } from '../../control-plane/model/instance.ts';
import { buildPlacement, buildRecord } from './build-record.ts';

export interface ClusterChange {
  /** Connected standbys; default orders-2 and orders-3 at 2000. */
  readonly standbys?: Readonly<Record<string, { readonly lsn: bigint; readonly streaming?: boolean }>>;
  /** Stored voters; default the standbys. */
  readonly voters?: readonly string[];
  readonly record?: Partial<ClusterRecord>;
}

/** Everything observed at time 0. */
export function buildCluster(change: ClusterChange = {}): ClusterState {
  const standbys = change.standbys ?? { 'orders-2': { lsn: 2000n }, 'orders-3': { lsn: 2000n } };
  const voters = [...(change.voters ?? Object.keys(standbys))];
  const sync = { voters, k: voters.length > 0 ? 1 : 0 };
  const record = buildRecord({
    sync,
    timeline: 1,
    timelineHistory: [],
    systemId: '7400000000000000000',
    phase: { kind: 'active', primary: 'orders-1', gate: 'open' },
    ...change.record,
  });
  const primary: PostgresState = {
    kind: 'primary',
    flushLsn: 2000n,
    endOfRecoveryLsn: 1000n,
    sync,
    standbys: Object.entries(standbys).map(([name, { lsn }]) => ({
      name,
      state: 'streaming',
      syncState: voters.includes(name) ? 'quorum' : 'async',
      flushLsn: lsn,
      replayLsn: lsn,
    })),
    checkpointTimeline: 1,
    activeTransactions: 0,
  };
  const seen: Record<string, PostgresState> = { 'orders-1': primary };
  for (const [name, { lsn, streaming = true }] of Object.entries(standbys)) {
    seen[name] = { kind: 'standby', receiveLsn: lsn, replayLsn: lsn, streaming };
  }
  return Object.entries(seen).reduce(
    (state, [instance, postgres]) => observe(state, 0, ...connection(instance, { postgres })),
    initialState(record, 0),
  );
}

/** Observations one after another, at one time. */
export function observe(state: ClusterState, now: number, ...observations: readonly Observation[]): ClusterState {
  return observations.reduce((next, observation) => reduce(next, observation, now), state);
}

/** An agent's hello and first report. */
export function connection(instance: string, change: Partial<InstanceReport> = {}): Observation[] {
  const report = buildReport(instance, change);
  return [
    {
      kind: 'connected',
      instance,
      bootId: report.bootId,
      placement: buildPlacement(Number(instance.split('-').at(-1)) - 1),
    },
    { kind: 'report', report },
  ];
}

export function buildReport(instance: string, change: Partial<InstanceReport> = {}): InstanceReport {
  return {
    instance,
    bootId: `${instance}#1`,
    seq: 1,
    term: 0,
    promisedEpoch: 1,
    goal: null,
    systemId: '7400000000000000000',
    timeline: 1,
    history: [],
    postgres: { kind: 'standby', receiveLsn: 2000n, replayLsn: 2000n, streaming: true },
    pids: { agent: 1, postgres: 2, envoy: 3 },
    ...change,
  };
}
