import type { StandbyState } from '../../control-plane/model/instance.ts';

/**
 * A standby that receives nothing can't know how far it is behind. During a failover that is short and its data is as
 * fresh as any; after this long it is not fit for reads that set a limit.
 */
export const STALE_AFTER_MS = 10_000;

/**
 * How far a standby is behind, in bytes of WAL received and not replayed, as HealthView has it.
 * @param silentMs since it was last seen streaming; 0 while it streams
 */
export function standbyLagBytes(
  standby: Pick<StandbyState, 'receiveLsn' | 'replayLsn'>,
  silentMs: number,
): bigint | null {
  if (silentMs > STALE_AFTER_MS) return null;
  // After a restart the receive position is only the start of a segment, behind replay.
  const distance = standby.receiveLsn - standby.replayLsn;
  return distance > 0n ? distance : 0n;
}
