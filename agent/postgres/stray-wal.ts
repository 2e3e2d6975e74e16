/**
 * A standby that goes over to a new timeline fetches its first segment from the beginning. Killed in the middle of that,
 * it has the newer timeline's segment with less in it than the older one's, and PostgreSQL is stuck: it reads the newer
 * file first, finds it end before the fork, and neither goes back to the older file nor streams ("according to history
 * file, WAL location ... belongs to timeline 12, but previous recovered WAL file came from timeline 15"; seen with 15.18).
 * All that the newer files hold up to there is a copy of what the older ones hold, so they are put aside.
 */
import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Lsn, parseLsn } from '../../control-plane/model/lsn.ts';
import type { LogLine } from './log-lines.ts';

export interface StrayWal {
  /** Whose files end too early. */
  readonly timeline: number;
  /** Where they end: before the timeline begins. */
  readonly lsn: Lsn;
}

const STUCK =
  /according to history file, WAL location ([0-9A-F]+\/[0-9A-F]+) belongs to timeline (\d+), but previous recovered WAL file came from timeline (\d+)/;
const SEGMENT = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/;

/** undefined: the line says no such thing. */
export function tellsStrayWal({ message }: LogLine): StrayWal | undefined {
  const [, location, owner, read] = STUCK.exec(message) ?? [];
  if (location === undefined || Number(owner) >= Number(read)) return undefined;
  return { timeline: Number(read), lsn: parseLsn(location) };
}

/** The timeline's segments up to the location, of which an older timeline has one too. Pure. */
export function straySegments(names: readonly string[], { timeline, lsn }: StrayWal, segmentBytes: number): string[] {
  const segments = names.flatMap((name) => {
    const [, own, high, low] = SEGMENT.exec(name) ?? [];
    if (own === undefined) return [];
    const begin = (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) * BigInt(segmentBytes);
    return [{ name, timeline: Number.parseInt(own, 16), begin }];
  });
  const isOlderThere = (begin: bigint) => segments.some((other) => other.begin === begin && other.timeline < timeline);
  return segments
    .filter((segment) => segment.timeline === timeline && segment.begin <= lsn && isOlderThere(segment.begin))
    .map(({ name }) => name);
}

/** Moves them to `aside`, where one of the same name is replaced; answers their names. PostgreSQL must not run. */
export async function putStrayWalAside(dataDirectory: string, stray: StrayWal, aside: string): Promise<string[]> {
  const directory = path.join(dataDirectory, 'pg_wal');
  const names = await readdir(directory);
  const [any] = names.filter((name) => SEGMENT.test(name));
  if (any === undefined) return [];
  const { size } = await stat(path.join(directory, any));
  const strays = straySegments(names, stray, size);
  if (strays.length > 0) await mkdir(aside, { recursive: true });
  for (const name of strays) await rename(path.join(directory, name), path.join(aside, name));
  return strays;
}
