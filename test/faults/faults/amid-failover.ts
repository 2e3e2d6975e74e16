/** What strikes in the middle of a failover, whose steps last some tens of milliseconds: in a different one each time. */
import type { Scene } from '../fault.ts';

/**
 * The primary's postmaster dies; resolves a random time later.
 * @param latestMs the longest that may be
 * @returns how long it was, ms
 */
export async function amidFailover({ primary, hold }: Scene, latestMs = 250): Promise<number> {
  const afterMs = Math.round(Math.random() * latestMs);
  process.kill(primary.pids.postgres, 'SIGKILL');
  await hold(afterMs);
  return afterMs;
}
