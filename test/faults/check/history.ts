/** What clients did and what they were told: the material of every verdict. */

/**
 * `ok`: answered. `failed`: certainly without effect. `unknown`: a broken connection, a time limit, a cancelled wait; it
 * may have happened, or may happen still.
 */
export type Outcome = 'ok' | 'failed' | 'unknown';

/** A write puts a new row's id into the register `key` and adds the row; a read on rw returns what the register holds. */
export interface Operation {
  readonly client: number;
  readonly kind: 'write' | 'read';
  readonly key: number;
  /** Of a read without an answer: meaningless. 0 = the register was empty. */
  readonly value: number;
  /** Monotonic ms. */
  readonly calledAt: number;
  readonly answeredAt: number;
  readonly outcome: Outcome;
}

/** What one connection to ro saw of the rows of one writer: the highest of ids that only rise. */
export interface Glance {
  readonly connection: number;
  readonly writer: number;
  readonly highest: number;
  readonly at: number;
}

export interface History {
  readonly operations: readonly Operation[];
  readonly glances: readonly Glance[];
  /** Reads on rw that saw an empty synchronous_standby_names. */
  readonly unprotectedReads: number;
}
