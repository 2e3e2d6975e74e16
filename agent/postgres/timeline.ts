/**
 * The timeline that a data directory is on, from the names in pg_wal. pg_control lags behind on a standby until its
 * next restartpoint; the WAL itself doesn't: the first byte of a timeline makes a segment with its number.
 * https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TimelineSwitch } from '../../control-plane/model/instance.ts';
import { parseLsn } from '../../control-plane/model/lsn.ts';

const SEGMENT = /^([0-9A-F]{8})[0-9A-F]{16}(\.partial)?$/;

/**
 * Highest timeline that has a segment; 0 without any. A history file alone says nothing: a standby that is ahead of the
 * fork has the file too and can't follow it.
 */
export function newestTimeline(names: readonly string[]): number {
  let newest = 0;
  for (const name of names) {
    const match = SEGMENT.exec(name);
    if (match) newest = Math.max(newest, Number.parseInt(match[1]!, 16));
  }
  return newest;
}

/** Lines of a history file: ancestor, where it ended, why. Comments and unreadable lines are left out. */
export function parseHistory(text: string): TimelineSwitch[] {
  const switches: TimelineSwitch[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line);
    if (match) switches.push({ timeline: Number(match[1]), endLsn: parseLsn(match[2]!) });
  }
  return switches;
}

export async function readNewestTimeline(dataDirectory: string): Promise<number> {
  return newestTimeline(await readdir(path.join(dataDirectory, 'pg_wal')));
}

/** Ancestors of `timeline`; [] for the first, and when PostgreSQL has no history file for it either. */
export async function readHistory(dataDirectory: string, timeline: number): Promise<TimelineSwitch[]> {
  if (timeline <= 1) return [];
  const name = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
  try {
    return parseHistory(await readFile(path.join(dataDirectory, 'pg_wal', name), 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
