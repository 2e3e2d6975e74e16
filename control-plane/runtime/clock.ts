/**
 * Time as the only thing that decisions read it from. `now` is monotonic; `wall` is for display and never decides.
 */
export interface Clock {
  /** Monotonic milliseconds; only differences mean something. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Runs `action` once after `ms`. */
  after(ms: number, action: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, action) {
    const handle = setTimeout(action, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
