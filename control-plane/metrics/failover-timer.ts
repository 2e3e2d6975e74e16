// How long each change of primary took, from what is seen of a cluster after each step.
import type { ClusterRecord, FailoverCause } from '../model/cluster-record.ts';

export interface FinishedFailover {
  readonly cause: FailoverCause;
  readonly tookMs: number;
}

interface Running {
  readonly cause: FailoverCause;
  readonly since: number;
  /** Before it began. */
  readonly epoch: number;
}

/** Counts only what it saw begin: after a restart of the control plane nobody knows when that was. */
export class FailoverTimer {
  readonly #calm = new Map<string, number>();
  readonly #running = new Map<string, Running>();

  /**
   * @param now monotonic ms
   * @returns what this step ended
   */
  onState({ spec: { name }, phase, epoch }: ClusterRecord, now: number): FinishedFailover | null {
    const running = this.#running.get(name);
    switch (phase.kind) {
      case 'forming':
        return null;
      case 'active': {
        if (phase.gate === 'closed') return null;
        this.#running.delete(name);
        this.#calm.set(name, epoch);
        // A switchover that was given up leaves the epoch as it was.
        if (!running || running.epoch === epoch) return null;
        return { cause: running.cause, tookMs: now - running.since };
      }
      case 'draining':
      case 'stopping':
        this.#begin(name, 'switchover', now);
        return null;
      case 'fencing':
      case 'promoting':
        this.#begin(name, phase.cause, now);
        return null;
    }
  }

  /** The cause may change on the way: a switchover whose primary dies is a failover. */
  #begin(name: string, cause: FailoverCause, now: number): void {
    const epoch = this.#calm.get(name);
    if (epoch === undefined) return;
    this.#running.set(name, { cause, since: this.#running.get(name)?.since ?? now, epoch });
  }
}
