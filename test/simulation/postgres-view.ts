/** What an agent sees of the PostgreSQL model. Pure. */
import type { Override, ServerView, SlotView } from '../../agent/observe/observed.ts';
import type { StandbyConnection } from '../../control-plane/model/instance.ts';
import type { SyncConfig } from '../../control-plane/model/sync.ts';
import { type Disk, lsnOf } from './disk-model.ts';

/** After a restart the receive position is only the start of a segment. */
const SEGMENT_RECORDS = 16;
/** Frozen for this long it is told as unresponsive, as by the production observer. */
export const UNRESPONSIVE_AFTER_MS = 1000;

export type Run =
  | { kind: 'stopped'; how: 'boot' | 'requested' | 'crashed' }
  | { kind: 'starting' }
  | { kind: 'primary'; endOfRecovery: number; checkpointing: boolean }
  | { kind: 'standby'; receivedSinceStart: boolean; promoting: boolean };

export interface PostgresFacts {
  readonly disk: Disk | null;
  readonly run: Run;
  readonly frozenMs: number;
  readonly stopping: boolean;
  /** In force, as a query tells. */
  readonly shown: Override;
  readonly sync: SyncConfig | undefined;
  readonly streaming: boolean;
  readonly waiting: number;
  readonly senders: readonly SenderFacts[];
}

/** A row of pg_stat_replication. */
interface SenderFacts {
  readonly name: string;
  readonly slot: string;
  readonly flushed: number;
  readonly replies: number;
  readonly counts: boolean;
}

export function serverView(facts: PostgresFacts): ServerView {
  const { disk, run, shown } = facts;
  if (!disk) return { kind: 'absent' };
  if (facts.stopping) return { kind: 'stopping' };
  const isRunning = run.kind === 'primary' || run.kind === 'standby';
  if (isRunning && facts.frozenMs > UNRESPONSIVE_AFTER_MS) return { kind: 'unresponsive', role: run.kind };
  switch (run.kind) {
    case 'stopped':
      return {
        kind: 'stopped',
        how: run.how,
        crashedUnderGoal: run.how === 'crashed',
        clean: disk.clean,
        // The checkpoint record itself is the last one of a clean shutdown.
        checkpointLsn: lsnOf(disk.clean ? disk.wal.length - 1 : Math.floor(disk.flushed / 2)),
        minRecoveryLsn: disk.ranAs === 'standby' ? lsnOf(disk.wal.length) : 0n,
        ranAs: disk.ranAs,
        standbySignal: disk.standbySignal,
      };
    case 'starting':
      return { kind: 'starting', override: disk.override };
    case 'primary':
      return {
        kind: 'primary',
        flushLsn: lsnOf(disk.flushed),
        endOfRecoveryLsn: lsnOf(run.endOfRecovery),
        sync: facts.sync ?? null,
        standbys: standbys(facts.senders),
        checkpointTimeline: disk.checkpointTimeline,
        activeTransactions: facts.waiting,
        override: shown,
        written: disk.override,
        slots: slots(disk, facts.senders),
        replies: Object.fromEntries(facts.senders.map(({ name, replies }) => [name, `${replies}`])),
        checkpointing: run.checkpointing,
      };
    case 'standby':
      return {
        kind: 'standby',
        receiveLsn: lsnOf(
          run.receivedSinceStart ? disk.flushed : Math.floor(disk.flushed / SEGMENT_RECORDS) * SEGMENT_RECORDS,
        ),
        replayLsn: lsnOf(disk.flushed),
        promoting: run.promoting,
        walReceiver: facts.streaming ? 'streaming' : 'none',
        drained: true,
        override: shown,
        written: disk.override,
        slots: slots(disk, facts.senders),
        walMissing: false,
      };
  }
}

function slots(disk: Disk, senders: readonly SenderFacts[]): SlotView[] {
  return disk.slots.map((name) => ({
    name,
    active: senders.some(({ slot }) => slot === name),
    reserved: disk.reserved.includes(name),
    lost: false,
  }));
}

function standbys(senders: readonly SenderFacts[]): StandbyConnection[] {
  return senders.map(({ name, flushed, counts }) => ({
    name,
    state: 'streaming',
    syncState: counts ? 'quorum' : 'async',
    flushLsn: lsnOf(flushed),
    replayLsn: lsnOf(flushed),
  }));
}
