/** What a primary writes on its way to the voters of its goal. Pure. */
import type { LeadGoal } from '../control-plane/model/goal.ts';
import { parseSync, type SyncConfig, sameSync } from '../control-plane/model/sync.ts';
import type { PrimaryView } from './observe/observed.ts';

/** A name that no instance can have. */
export const NOBODY_NAME = 'howdah_nobody';

/**
 * The voters to write now. A WAL sender shows whether it counts, but not how many it waits for: one that still goes by
 * the smaller number would let a commit go that too few hold. So where the number rises all of them are first told to
 * wait for nobody that there is, and show that they count no more; commits wait for as long as that takes.
 */
export function nextSync({ sync: wanted }: LeadGoal, { sync: shown, written, standbys }: PrimaryView): SyncConfig {
  const filed = parseSync(written.synchronousStandbyNames);
  if (!shown || !filed) return wanted;
  const between: SyncConfig = { voters: [NOBODY_NAME], k: wanted.k };
  const rises = [shown.k, filed.k].some((k) => k > 0 && k < wanted.k);
  const isRead = sameSync(shown, between) && standbys.every(({ syncState }) => syncState !== 'quorum');
  return rises || (sameSync(filed, between) && !isRead) ? between : wanted;
}
