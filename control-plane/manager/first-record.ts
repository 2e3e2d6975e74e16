/** The record of a cluster that begins. */
import type { ClusterRecord } from '../model/cluster-record.ts';
import { type ClusterSpec, instanceNames, mayVote, whyNoLeader } from '../model/cluster-spec.ts';
import { HowdahError } from '../model/errors.ts';
import { NO_OPERATIONS } from '../model/operations.ts';
import { NO_SYNC } from '../model/sync.ts';
import { type Heard, reportsOfData } from './rebuild.ts';

/**
 * A cluster that nobody has started yet: its first instance makes the data directory.
 * @param heard what agents of such a cluster report although the store does not know it
 * @throws HowdahError `failed-precondition` when one of them has data: the store may have been lost, and what was
 *   promised is above the first epoch.
 */
export function firstRecord(spec: ClusterSpec, heard: readonly Heard[]): ClusterRecord {
  const problems = reportsOfData(heard).map(({ instance, systemId, promisedEpoch }) => ({
    path: instance,
    message: `has data of system identifier ${systemId}, and promised epoch ${promisedEpoch}`,
  }));
  if (problems.length > 0) {
    const { name } = spec;
    const text = `${name} is not made anew, because agents have its data. If the store was lost: howdah rebuild -f FILE. If that was another ${name}: move the data directories away`;
    throw new HowdahError('failed-precondition', text, { problems });
  }
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
