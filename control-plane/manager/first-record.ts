/** The record of a cluster that begins. */
import type { ClusterRecord } from '../model/cluster-record.ts';
import { type ClusterSpec, instanceNames, mayVote, whyNoLeader } from '../model/cluster-spec.ts';
import { NO_OPERATIONS } from '../model/operations.ts';
import { NO_SYNC } from '../model/sync.ts';

/** A cluster that nobody has started yet: its first instance makes the data directory. */
export function firstRecord(spec: ClusterSpec): ClusterRecord {
  const names = instanceNames(spec);
  const primary = names.find((name) => whyNoLeader(spec, name) === null && mayVote(spec, name)) ?? names[0]!;
  return {
    spec,
    systemId: '',
    epoch: 1,
    phase: { kind: 'forming', primary },
    sync: NO_SYNC,
    leaving: [],
    timeline: 0,
    timelineHistory: [],
    placements: {},
    operations: NO_OPERATIONS,
    history: [],
  };
}
