/** The store in virtual time: slow, sometimes failing, and a control plane can die before or after a put took effect. */
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import { HowdahError } from '../../control-plane/model/errors.ts';
import type { Store, Versioned } from '../../control-plane/store/store.ts';
import type { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';

/** So many changes ago is the oldest copy. */
const COPIES = 20;

export class StoreModel {
  readonly #kernel: Kernel;
  readonly #onStored: (record: ClusterRecord) => void;
  #stored: Versioned | undefined;
  /** Share of puts that fail without effect. */
  failing = 0;
  /** An answer takes up to seconds. */
  slow = false;
  /** The newest last: what a copy of some time ago has. */
  readonly #copies: Versioned[] = [];
  /** The revision that the control plane's machine has seen: an older one is refused (see etcd/watermark.ts). */
  #seen = 0;

  constructor(kernel: Kernel, onStored: (record: ClusterRecord) => void) {
    this.#kernel = kernel;
    this.#onStored = onStored;
  }

  /** The newest that was ever stored. */
  get record(): ClusterRecord | undefined {
    return this.#copies.at(-1)?.record;
  }

  /** Somebody restores a copy of some changes ago. */
  rollBack(changes: number): void {
    this.#stored = this.#copies.at(-1 - changes) ?? this.#copies[0];
    this.#kernel.note(`store rolled back to revision ${this.#stored?.revision}`);
  }

  /** The true content is back. */
  restore(): void {
    this.#stored = this.#copies.at(-1);
  }

  /**
   * One control plane's way to the store. A dead one hears nothing any more, a frozen one later.
   * @param onPut is called when it asks for something to be stored: with what it knows at that moment
   */
  handle(
    process: { readonly alive: boolean; readonly freezer: Freezer },
    onPut: (record: ClusterRecord) => void,
  ): Store {
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
      get: () => answer(() => this.#read()),
      list: () => answer(() => [this.#read()].filter((stored) => stored !== undefined)),
      put: (record, expected) => {
        onPut(record);
        return answer(() => this.#put(record, expected));
      },
      remove: () => Promise.reject(new HowdahError('internal', 'nothing is removed in the simulation')),
      // Who begins to lead reads all of it; nobody else shall learn of changes here.
      watch: () => () => {},
      close: () => Promise.resolve(),
    };
  }

  #read(): Versioned | undefined {
    const revision = this.#stored?.revision ?? 0;
    if (revision < this.#seen) throw new HowdahError('corrupted', 'the store was rolled back');
    this.#seen = revision;
    return this.#stored;
  }

  #put(record: ClusterRecord, expected: number): number {
    if (this.failing > 0 && this.#kernel.random.chance(this.failing)) {
      throw new HowdahError('unavailable', 'the store does not answer');
    }
    this.#read();
    if ((this.#stored?.revision ?? 0) !== expected) throw new HowdahError('conflict', 'the record was changed');
    this.#stored = { record, revision: expected + 1 };
    this.#seen = expected + 1;
    this.#copies.push(this.#stored);
    if (this.#copies.length > COPIES) this.#copies.shift();
    this.#onStored(record);
    return expected + 1;
  }
}
