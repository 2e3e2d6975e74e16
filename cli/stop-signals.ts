/** Ctrl-C and its relatives, for commands that stay in the foreground: the first one asks to stop, others to hurry. */
import type { Clock } from '../control-plane/runtime/clock.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** npm passes a Ctrl-C on that the terminal gave us already: one key press may arrive as several signals. */
const ONE_PRESS_MS = 1_000;

export class StopSignals implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener: (name: StopSignal) => void;
  #received: { readonly name: StopSignal; readonly at: number } | undefined;

  /** @param onAgain called for each signal after the first */
  constructor(clock: Clock, onAgain: () => void) {
    this.#listener = (name) => {
      if (this.#received === undefined) {
        this.#received = { name, at: clock.now() };
        this.#controller.abort();
      } else if (clock.now() - this.#received.at >= ONE_PRESS_MS) {
        onAgain();
      }
    };
    for (const name of STOP_SIGNALS) process.on(name, this.#listener);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first signal; undefined while none came. */
  get received(): StopSignal | undefined {
    return this.#received?.name;
  }

  [Symbol.dispose](): void {
    for (const name of STOP_SIGNALS) process.off(name, this.#listener);
  }
}
