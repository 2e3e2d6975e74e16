/** A process that can be frozen (SIGSTOP, the cgroup freezer): what was due meanwhile runs when it thaws, in order. */
import type { Timer } from '../../control-plane/runtime/clock.ts';
import type { Kernel } from './kernel.ts';

export class Freezer {
  readonly #kernel: Kernel;
  #frozenAt: number | null = null;
  #due: (() => void)[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get frozen(): boolean {
    return this.#frozenAt !== null;
  }

  /** 0 when it is not. */
  get frozenMs(): number {
    return this.#frozenAt === null ? 0 : this.#kernel.now - this.#frozenAt;
  }

  freeze(): void {
    this.#frozenAt ??= this.#kernel.now;
  }

  thaw(): void {
    this.#frozenAt = null;
    for (const action of this.#due.splice(0)) this.run(action);
  }

  /** Now, or when it thaws. */
  run(action: () => void): void {
    if (this.#frozenAt === null) action();
    else this.#due.push(action);
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = this.#kernel.after(delayMs, () => {
      if (this.#frozenAt === null) action();
      else this.#due.push(() => !timer.cancelled && action());
    });
    return timer;
  }
}
