/** Ctrl-C and its relatives, for commands that stay in the foreground: the first one asks to stop, others to hurry. */

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

export class StopSignals implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener: (name: StopSignal) => void;
  #received: StopSignal | undefined;

  /** @param onAgain called for the second signal and each further one */
  constructor(onAgain: () => void) {
    this.#listener = (name) => {
      if (this.#received !== undefined) {
        onAgain();
        return;
      }
      this.#received = name;
      this.#controller.abort();
    };
    for (const name of STOP_SIGNALS) process.on(name, this.#listener);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first signal; undefined while none came. */
  get received(): StopSignal | undefined {
    return this.#received;
  }

  [Symbol.dispose](): void {
    for (const name of STOP_SIGNALS) process.off(name, this.#listener);
  }
}
