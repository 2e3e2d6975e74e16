/** How long to wait before the next attempt to reach the control plane. Pure. */

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1_000;

/** Up for this long: the next failure begins with the shortest wait. */
export const STEADY_AFTER_MS = 1_000;

/**
 * 50 ms doubling to 1 s, of which up to half is taken off by chance, so that agents which lost the same control plane
 * don't come back in one moment.
 * @param failures in a row, 1 or more
 * @param random 0 to 1
 */
export function reconnectDelayMs(failures: number, random: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 10));
  return longest * (1 - random / 2);
}
