/** Which control plane decides. Several may serve proxies and answer questions; one at a time writes and sends goals. */
export interface Leadership {
  /**
   * The term in which this control plane leads at this very moment; null when it doesn't, or can't be certain that it
   * does. Terms rise from leader to leader. While it is not null nobody else has begun to lead.
   */
  term(): number | null;
}

/** Over a store that one process has to itself. */
export const ALONE: Leadership = { term: () => 0 };
