/** The store in virtual time: slow, sometimes failing, and a control plane can die before or after a put took effect. */
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Store, Versioned } from '../../control-plane/store/store.ts';
import type { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';

export class StoreModel {
  readonly #kernel: Kernel;
  readonly #onStored: (record: ClusterRecord) => void;
  #stored: Versioned | undefined;
  /** Share of puts that fail without effect. */
  failing = 0;
  /** An answer takes up to seconds. */
  slow = false;

  constructor(kernel: Kernel, onStored: (record: ClusterRecord) => void) {
    this.#kernel = kernel;
    this.#onStored = onStored;
  }

  get record(): ClusterRecord | undefined {
    return this.#stored?.record;
  }

  /** One control plane's way to the store. A dead one hears nothing any more, a frozen one later. */
  handle(process: { readonly alive: boolean; readonly freezer: Freezer }): Store {
    const kernel = this.#kernel;
    const answer = <T>(effect: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        kernel.after(kernel.random.between(0.2, this.slow ? 1500 : 3), () => {
          // The control plane died before the request left.
          if (!process.alive) return;
          let result: T;
          try {
            result = effect();
          } catch (error) {
            kernel.touch();
            return reject(error);
          }
          process.freezer.after(kernel.random.between(0.1, 2), () => {
            kernel.touch();
            if (process.alive) resolve(result);
          });
        });
      });
    return {
      get: () => answer(() => this.#stored),
      list: () => answer(() => (this.#stored ? [this.#stored] : [])),
      put: (record, expected) => answer(() => this.#put(record, expected)),
      remove: () => Promise.reject(new HowdahError('internal', 'nothing is removed in the simulation')),
      // Who begins to lead reads all of it; nobody else shall learn of changes here.
      watch: () => () => {},
      close: () => Promise.resolve(),
    };
  }

  #put(record: ClusterRecord, expected: number): number {
    if (this.failing > 0 && this.#kernel.random.chance(this.failing)) {
      throw new HowdahError('unavailable', 'the store does not answer');
    }
    if ((this.#stored?.revision ?? 0) !== expected) throw new HowdahError('conflict', 'the record was changed');
    this.#stored = { record, revision: expected + 1 };
    this.#onStored(record);
    return expected + 1;
  }
}
