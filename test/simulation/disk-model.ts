/** What a data directory holds in the simulation: WAL as a list of records on timelines. An LSN is a count times 8. */
import { NO_OVERRIDE, type Override } from '../../agent/observe/observed.ts';
import type { TimelineSwitch } from '../../control-plane/model/instance.ts';
import type { Lsn } from '../../control-plane/model/lsn.ts';
import type { Random } from './kernel.ts';

export interface WalRecord {
  readonly id: number;
  readonly timeline: number;
}

export const lsnOf = (count: number): Lsn => BigInt(count) * 8n;

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
  /** Of the slots those that somebody has streamed from: they keep WAL. */
  reserved: string[];
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
    reserved: [],
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
    reserved: [],
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

/** The end of recovery: what was received and not synced is replayed too. */
export function beginTimeline(disk: Disk, timeline: number): void {
  recover(disk);
  disk.history = [...disk.history, { timeline: disk.timeline, endLsn: lsnOf(disk.wal.length) }];
  disk.timeline = timeline;
  disk.standbySignal = false;
  disk.ranAs = 'primary';
}

/** The standby's end of WAL lies on the source's history. */
export function continues(source: Disk, standby: Disk): boolean {
  const last = standby.wal.length;
  if (last > source.flushed) return false;
  return last === 0 || source.wal[last - 1]!.id === standby.wal[last - 1]!.id;
}

/** What a WAL receiver writes; the file of a timeline's history comes before its first WAL. */
export function takeWal(disk: Disk, source: Disk, upTo: number): void {
  for (let i = disk.wal.length; i < upTo; i++) disk.wal.push(source.wal[i]!);
  const newest = disk.wal.at(-1)?.timeline ?? 0;
  if (newest <= disk.timeline) return;
  disk.timeline = newest;
  disk.history = source.history.filter((s) => s.timeline < newest);
}
