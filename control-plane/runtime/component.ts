/**
 * Lifecycle: components start in order and stop in the reverse order. A start that fails stops what was started.
 */
export interface Component {
  readonly name: string;
  start(): Promise<void>;
  /** Idempotent; must not throw for a component that never started. */
  stop(): Promise<void>;
}

export class ComponentStack {
  readonly #started: Component[] = [];
  readonly #onStopError: (component: string, error: unknown) => void;

  constructor(onStopError: (component: string, error: unknown) => void) {
    this.#onStopError = onStopError;
  }

  async start(component: Component): Promise<void> {
    // Counted as started before it is: a start that fails halfway is stopped too.
    this.#started.push(component);
    await component.start();
  }

  /** Stops all, the newest first; one that fails to stop doesn't keep the others running. */
  async stop(): Promise<void> {
    for (let component = this.#started.pop(); component; component = this.#started.pop()) {
      try {
        await component.stop();
      } catch (error) {
        this.#onStopError(component.name, error);
      }
    }
  }
}
