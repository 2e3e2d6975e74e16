/**
 * A record for a cluster whose store was lost, from what its agents report. Only ever on a person's word. The epoch is
 * above every promise that was heard, so whatever the lost record said, nobody acts on it any more.
 */
import type { ClusterRecord } from '../model/cluster-record.ts';
import { type ClusterSpec, instanceNames } from '../model/cluster-spec.ts';
import type { InstanceReport, Placement, PrimaryState } from '../model/instance.ts';
import { NO_OPERATIONS } from '../model/operations.ts';
import { NO_SYNC, type SyncConfig } from '../model/sync.ts';

/** An agent whose cluster the store doesn't know. */
export interface Heard {
  readonly report: InstanceReport;
  readonly placement: Placement;
}

export type Rebuilt =
  | { readonly kind: 'record'; readonly record: ClusterRecord; readonly how: string }
  /** A sentence each. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] };

/** Of agents that have a data directory. */
export function reportsOfData(heard: readonly Heard[]): InstanceReport[] {
  return heard.map(({ report }) => report).filter(({ systemId }) => systemId !== '');
}

export function rebuildRecord(spec: ClusterSpec, heard: readonly Heard[]): Rebuilt {
  const names = instanceNames(spec);
  const strange = heard.map(({ report }) => report.instance).filter((name) => !names.includes(name));
  if (strange.length > 0) {
    return refused(`${strange.join(', ')} report too: write an spec.instances that names every instance there was`);
  }
  const withData = reportsOfData(heard);
  const systems = [...new Set(withData.map(({ systemId }) => systemId))];
  if (systems.length === 0) return refused('no agent with data is connected: start the agents of the cluster first');
  if (systems.length > 1) {
    const told = withData.map(({ instance, systemId }) => `${instance} ${systemId}`).join(', ');
    return refused(
      `the data is of different clusters, by system identifier: ${told}; stop the agents that don't belong`,
    );
  }
  const promised = Math.max(...heard.map(({ report }) => report.promisedEpoch));
  const newest = withData.reduce((best, report) => (report.timeline > best.timeline ? report : best));
  const base = {
    spec,
    systemId: systems[0]!,
    epoch: promised + 1,
    leaving: [],
    timeline: newest.timeline,
    timelineHistory: newest.history,
    placements: Object.fromEntries(heard.map(({ report, placement }) => [report.instance, placement])),
    operations: NO_OPERATIONS,
    history: [],
  };
  const primary = livingPrimary(withData, promised, newest.timeline, spec);
  if (primary) {
    const { instance, sync } = primary;
    const phase = { kind: 'active', primary: instance, gate: 'closed', sync } as const;
    return { kind: 'record', record: { ...base, sync, phase }, how: `${instance} goes on as the primary` };
  }
  // An acknowledged commit is on the primary of then and on k others, whoever they were: k + 1 of all instances.
  const { quorum } = spec.durability;
  const need = names.length - quorum;
  if (withData.length < need) {
    const missing = names.filter((name) => !withData.some(({ instance }) => instance === name));
    return refused(
      `${need} of ${names.length} instances with data must report, so that one of them has every acknowledged commit, and only ${withData.length} do: start ${missing.join(', ')}`,
    );
  }
  const sync = quorum === 0 ? NO_SYNC : { voters: [...names].sort(), k: quorum + 1 };
  const phase = { kind: 'fencing', cause: 'failover', from: '', authority: '', prefer: '' } as const;
  return { kind: 'record', record: { ...base, sync, phase }, how: 'the instance that has most will lead' };
}

/**
 * The one that leads, if that is certain: as many of its own voters as a commit needs still receive from it. One that
 * had promised a later epoch would not, and no later promotion can have gone without one of them.
 */
function livingPrimary(
  reports: readonly InstanceReport[],
  promised: number,
  timeline: number,
  spec: ClusterSpec,
): { readonly instance: string; readonly sync: SyncConfig } | null {
  const leaders = reports.filter(({ postgres }) => postgres.kind === 'primary');
  const [leader] = leaders;
  if (leaders.length !== 1 || !leader) return null;
  const postgres = leader.postgres as PrimaryState;
  if (leader.timeline !== timeline || leader.promisedEpoch < promised || !postgres.sync) return null;
  const { sync } = postgres;
  // Without voters nothing but everybody's word can tell that nobody else was promoted.
  if (sync.k === 0) return reports.length === spec.instances ? { instance: leader.instance, sync } : null;
  const streaming = reports.filter(
    (report) =>
      sync.voters.includes(report.instance) &&
      report.timeline === timeline &&
      report.postgres.kind === 'standby' &&
      report.postgres.streaming &&
      postgres.standbys.some(({ name, state }) => name === report.instance && state === 'streaming'),
  );
  return streaming.length >= sync.k ? { instance: leader.instance, sync } : null;
}

function refused(...reasons: readonly string[]): Rebuilt {
  return { kind: 'refused', reasons };
}
