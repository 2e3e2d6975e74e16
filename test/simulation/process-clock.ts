/** The clock of one process on a machine of its own: it runs at a rate of its own, and its wall time is anywhere. */
import type { Clock } from '../../control-plane/runtime/clock.ts';
import type { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';

export interface ProcessClock extends Clock {
  /** Somebody sets the machine's time. */
  stepWall(ms: number): void;
}

/** @param around is called with each action of a timer */
export function processClock(kernel: Kernel, freezer: Freezer, around: (action: () => void) => void): ProcessClock {
  const rate = kernel.random.between(0.95, 1.05);
  let offsetMs = kernel.random.between(-3e11, 3e11);
  return {
    now: () => kernel.now * rate,
    wall: () => kernel.now * rate + offsetMs,
    // Timers of a real machine fire late, never a rounding error early.
    after: (ms, action) => freezer.after(ms / rate + 0.01, () => around(action)),
    stepWall: (ms) => {
      offsetMs += ms;
    },
  };
}
