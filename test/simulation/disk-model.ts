/** What a data directory holds in the simulation: WAL as a list of records on timelines. An LSN is a count times 8. */
import type { Override } from '../../agent/observe/observed.ts';
import type { TimelineSwitch } from '../../control-plane/model/instance.ts';
import type { Lsn } from '../../control-plane/model/lsn.ts';
import type { Random } from './kernel.ts';

export interface WalRecord {
  readonly id: number;
  readonly timeline: number;
}

export const lsnOf = (count: number): Lsn => BigInt(count) * 8n;

export const NO_OVERRIDE: Override = { primaryConninfo: '', primarySlotName: '', synchronousStandbyNames: '' };

/** What survives a crash. */
export interface Disk {
  systemId: string;
  wal: WalRecord[];
  /** Of `wal`, how many are synced. */
  flushed: number;
  history: TimelineSwitch[];
  timeline: number;
  standbySignal: boolean;
  clean: boolean;
  ranAs: 'primary' | 'standby';
  override: Override;
  slots: string[];
  checkpointTimeline: number;
}

export function newDisk(systemId: string): Disk {
  return {
    systemId,
    wal: [],
    flushed: 0,
    history: [],
    timeline: 1,
    standbySignal: false,
    clean: true,
    ranAs: 'primary',
    override: NO_OVERRIDE,
    slots: [],
    checkpointTimeline: 1,
  };
}

/** A pg_basebackup, and what pg_rewind makes of a directory. */
export function copyOf(from: Disk): Disk {
  return {
    ...from,
    wal: from.wal.slice(0, from.flushed),
    history: [...from.history],
    standbySignal: true,
    clean: false,
    ranAs: 'standby',
    override: NO_OVERRIDE,
    slots: [],
  };
}

/** PostgreSQL's process ended without a shutdown: some of what it wrote is in the page cache, which power takes away. */
export function loseUnsynced(disk: Disk, power: boolean, random: Random): void {
  const written = power ? 0 : Math.floor(random.next() * (disk.wal.length - disk.flushed + 1));
  disk.wal.length = disk.flushed + written;
}

/** Crash recovery syncs what it finds before it replays it. */
export function recover(disk: Disk): void {
  disk.flushed = disk.wal.length;
}
