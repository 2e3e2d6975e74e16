/** How long to wait before Envoy is started again. Pure. */

/** Up for this long: what ended it is taken for a new trouble. */
export const STEADY_AFTER_MS = 10_000;
const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1_000;

/** Exits in a row, each before Envoy was steady. */
export function countExits(earlier: number, uptimeMs: number): number {
  return uptimeMs >= STEADY_AFTER_MS ? 1 : earlier + 1;
}

/** 0 after the first exit, then 50 ms, doubling up to 1 s. */
export function restartDelayMs(exits: number): number {
  return exits <= 1 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (exits - 2));
}
