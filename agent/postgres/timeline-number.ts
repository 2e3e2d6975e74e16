/**
 * Which number the timeline of a promotion gets. PostgreSQL takes the first one above its own whose history file is not
 * there, so two standbys of one point, promoted in two epochs, would give theirs the same number: a third instance with
 * WAL of the first could follow the second and never know. So the numbers up to the epoch's are taken beforehand, by
 * empty history files; PostgreSQL only looks whether they exist.
 * https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES
 */
import { open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { User } from '../process/pdeathsig.ts';
import { newestTimeline } from './timeline.ts';

const HISTORY = /^([0-9A-F]{8})\.history$/;

/** The next promotion of a server on timeline `after` begins timeline `next`. */
export async function reserveTimelines(
  dataDirectory: string,
  after: number,
  next: number,
  owner: User | null,
): Promise<void> {
  for (let timeline = after + 1; timeline < next; timeline++) {
    const name = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
    try {
      const handle = await open(path.join(dataDirectory, 'pg_wal', name), 'wx', 0o600);
      try {
        if (owner) await handle.chown(owner.uid, owner.gid);
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

/** Takes back what no promotion used: as the newest timeline PostgreSQL would look for its WAL and never start. */
export async function releaseTimelines(dataDirectory: string): Promise<void> {
  const directory = path.join(dataDirectory, 'pg_wal');
  const files = await Promise.all(
    (await readdir(directory)).map(async (name) => {
      const isHistory = HISTORY.test(name);
      return { name, size: isHistory ? (await stat(path.join(directory, name))).size : 1 };
    }),
  );
  for (const name of unusedReservations(files)) await rm(path.join(directory, name), { force: true });
}

/** Empty history files above every timeline that has WAL or a history. Pure. */
export function unusedReservations(files: readonly { readonly name: string; readonly size: number }[]): string[] {
  const numberOf = (name: string) => Number.parseInt(HISTORY.exec(name)?.[1] ?? '0', 16);
  const real = files.filter(({ size }) => size > 0).map(({ name }) => numberOf(name));
  const newest = Math.max(newestTimeline(files.map(({ name }) => name)), ...real);
  return files.filter(({ name, size }) => size === 0 && numberOf(name) > newest).map(({ name }) => name);
}
