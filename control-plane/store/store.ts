import type { ClusterRecord } from '../model/cluster-record.ts';

/** A record and the revision it was read at. */
export interface Versioned {
  readonly record: ClusterRecord;
  /** Rises with each change of this record; starts at 1. */
  readonly revision: number;
}

/** undefined: the cluster was removed. */
export type StoreListener = (name: string, stored: Versioned | undefined) => void;

/**
 * One record per cluster, ordered by compare-and-swap. What a put answered is on disk (or on a quorum's disks).
 * Every implementation passes test/store-contract.ts.
 */
export interface Store {
  get(name: string): Promise<Versioned | undefined>;
  list(): Promise<Versioned[]>;
  /**
   * Stores `record` if the stored revision is still `expected` (0 = the cluster must not exist yet); answers the new
   * revision.
   * @throws HowdahError `conflict` when it is not; nothing is changed then.
   */
  put(record: ClusterRecord, expected: number): Promise<number>;
  /** @throws HowdahError `conflict` as put. */
  remove(name: string, expected: number): Promise<void>;
  /**
   * Tells every record that is there, then each change, whoever made it; the newest always comes, others may be left
   * out or come twice, and all of it may be late: what is decided by is read with `get`. Ends when the answer is called.
   */
  watch(listener: StoreListener): () => void;
  close(): Promise<void>;
}
