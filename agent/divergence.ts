/**
 * Whether a data directory's WAL is a prefix of the primary's history. Pure.
 * Timelines and their history files: https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES
 */
import type { FollowGoal } from '../control-plane/model/goal.ts';
import type { TimelineSwitch } from '../control-plane/model/instance.ts';
import type { Observed } from './observe/observed.ts';

/**
 * `none`: can stream from the primary. `rewind`: own WAL goes beyond the fork (or its end is unknown): pg_rewind.
 * `replace`: two primaries wrote the same timeline number, which pg_rewind takes for one history: a new base backup.
 */
export type Divergence = 'none' | 'rewind' | 'replace';

export function divergence(
  goal: Pick<FollowGoal, 'timeline' | 'history'>,
  observed: Pick<Observed, 'timeline' | 'history' | 'server'>,
): Divergence {
  const { server, timeline } = observed;
  if (server.kind !== 'stopped' && server.kind !== 'standby') return 'none';
  if (!sameAncestors(goal, observed)) return 'replace';
  const wasPrimary = server.kind === 'stopped' && server.ranAs !== 'standby';
  if (timeline === goal.timeline) {
    // Each primary begins a timeline of its own, so the WAL that this one wrote can't be the other's.
    return wasPrimary ? 'replace' : 'none';
  }
  const fork = goal.history.find((ancestor) => ancestor.timeline === timeline)?.endLsn;
  if (fork === undefined) return 'rewind';
  if (server.kind === 'standby') return server.replayLsn > fork ? 'rewind' : 'none';
  if (!wasPrimary) return server.minRecoveryLsn > fork ? 'rewind' : 'none';
  // The shutdown checkpoint is the last record of a clean shutdown, and a fork is always the end of a record.
  return server.clean && server.checkpointLsn < fork ? 'none' : 'rewind';
}

/**
 * Every timeline number that both know, the current ones included, began at the same place for both. The oldest of a
 * list began where that list doesn't tell. Numbers rise in a history: PostgreSQL takes no file in which they don't.
 */
function sameAncestors(a: Lineage, b: Lineage): boolean {
  for (let i = 0, j = 0; i < a.history.length && j < b.history.length; ) {
    const timeline = begunAt(a, i);
    const other = begunAt(b, j);
    if (timeline === other && a.history[i]!.endLsn !== b.history[j]!.endLsn) return false;
    if (timeline <= other) i++;
    if (other <= timeline) j++;
  }
  return true;
}

interface Lineage {
  readonly timeline: number;
  readonly history: readonly TimelineSwitch[];
}

/** The timeline that began where the `index`th ancestor ended. */
function begunAt({ timeline, history }: Lineage, index: number): number {
  return index + 1 < history.length ? history[index + 1]!.timeline : timeline;
}
