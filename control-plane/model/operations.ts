/**
 * What people asked of a cluster and what is still being done about it. Part of the record: a request is stored before
 * anything is done, so a restarted control plane goes on with it.
 */
export interface Operations {
  /** No failover by itself until somebody resumes it; switchover and failover by hand still work. */
  readonly paused: boolean;
  /** Instances whose PostgreSQL is stopped and stays so, sorted. None of them votes or leads. */
  readonly fenced: readonly string[];
  /** At most one of each instance. */
  readonly restarts: readonly Restart[];
  /** Standbys whose data is to be set aside and copied anew from the primary. */
  readonly reinits: readonly string[];
  /** A restart of all instances, one after another; null = none. */
  readonly rolling: Rolling | null;
  /** The epoch in which a person accepted that commits may be lost; null = none. */
  readonly acceptedLoss: AcceptedLoss | null;
  /** The epoch that began because of silence and rests still: see failover.restAfterSilenceMs; null = none. */
  readonly silentEpoch: number | null;
}

export interface Restart {
  readonly instance: string;
  /** `stop`: until PostgreSQL is stopped. `start`, of a primary only: until it takes connections again. */
  readonly stage: 'stop' | 'start';
}

/** Standbys first, then a switchover from the primary: writes are out only for that. */
export interface Rolling {
  /** One clause: what it is for. */
  readonly why: string;
  /** How long running transactions may go on before the switchover, in ms. */
  readonly waitMs: number;
  /** Instances that were restarted since it was asked for. */
  readonly done: readonly string[];
}

export interface AcceptedLoss {
  /** It holds for this epoch only. */
  readonly epoch: number;
  /** The one that shall lead though others may have more; '' = whoever has most among those that answer. */
  readonly to: string;
}

export const NO_OPERATIONS: Operations = {
  paused: false,
  fenced: [],
  restarts: [],
  reinits: [],
  rolling: null,
  acceptedLoss: null,
  silentEpoch: null,
};

/** What is being restarted of `instance`; undefined = nothing. */
export function restartOf(operations: Operations, instance: string): Restart | undefined {
  return operations.restarts.find((restart) => restart.instance === instance);
}

export function withoutRestart(operations: Operations, instance: string): Operations {
  if (!restartOf(operations, instance)) return operations;
  return { ...operations, restarts: operations.restarts.filter((restart) => restart.instance !== instance) };
}

export function isFenced(operations: Operations, instance: string): boolean {
  return operations.fenced.includes(instance);
}
