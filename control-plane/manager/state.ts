import type { ClusterRecord } from '../model/cluster-record.ts';
import type { ClusterSpec } from '../model/cluster-spec.ts';
import type { InstanceReport, Placement } from '../model/instance.ts';
import type { Lsn } from '../model/lsn.ts';
import type { Sound } from './knock.ts';
import type { Progress } from './progress.ts';

/**
 * All that deciding looks at: the stored record and what was observed since this control plane began to lead. Every
 * time in here is monotonic milliseconds of the control plane's own clock.
 */
export interface ClusterState {
  readonly record: ClusterRecord;
  /** In which this control plane leads; null while it follows another one, and decides nothing. */
  readonly term: number | null;
  /** When this control plane began to look. */
  readonly observedSince: number;
  /** When the record's phase and epoch were first seen. */
  readonly phaseSince: number;
  readonly instances: Readonly<Record<string, Observed>>;
  /** Since when this control plane knows of the record's silentEpoch; null = there is none. */
  readonly silenceSince: number | null;
  /** Of the change of primary that is under way; null = none, or this control plane didn't see it begin. */
  readonly progress: Progress | null;
  /** Set while a change of synchronous_standby_names is under way. */
  readonly syncBaseline: SyncBaseline | null;
}

/** What is known of one instance's agent. */
export interface Observed {
  readonly link: Link;
  /** The newest report of the agent's current boot. */
  readonly report: InstanceReport | null;
  /** PostgreSQL ran before this control plane gave it any goal; null = never heard of. */
  readonly foundRunning: boolean | null;
  /** This control plane has seen its PostgreSQL run. */
  readonly hasRun: boolean;
  /** When it came; -Infinity without one. */
  readonly reportAt: number;
  /** Since when the primary's reports don't show this instance streaming; null = they do, or there was none. */
  readonly missingSince: number | null;
  /** When it was last asked for a report out of turn. */
  readonly askedAt: number;
  readonly knocks: Knocks;
  /** When it was first seen to have promised the record's epoch; null = it was not. */
  readonly promisedSince: number | null;
  /** Id of the goal that was sent last on the present connection; null = none. */
  readonly sentGoal: string | null;
  /** When its held goal was last seen failed; null = it isn't. */
  readonly failedSince: number | null;
}

/** What came of knocking at the agent's health port while its stream says nothing: see knock.ts. */
export interface Knocks {
  /** When the first one was sent that the agent has given no sign of life after; null = there is none. */
  readonly since: number | null;
  /** When the last one was sent. */
  readonly at: number;
  /** When the agent last answered that it leads, and the answer's stamp. */
  readonly answeredAt: number;
  readonly stamp: string | null;
  /** When its machine first took a connection that the agent has given no sign of life after; null = it didn't. */
  readonly takenSince: number | null;
  /** When its machine last took one, and when it last said that nobody listens there. */
  readonly takenAt: number;
  readonly refusedAt: number;
}

export type Link =
  /** This control plane has never heard of it. */
  | { readonly kind: 'unseen' }
  | { readonly kind: 'up'; readonly since: number; readonly bootId: string }
  | { readonly kind: 'down'; readonly since: number };

/**
 * The primary's WAL position when it first showed a new synchronous_standby_names in force everywhere, after it was
 * told so and nothing else since.
 */
export interface SyncBaseline {
  readonly goalId: string;
  readonly lsn: Lsn;
}

export type Observation =
  | { readonly kind: 'connected'; readonly instance: string; readonly bootId: string; readonly placement: Placement }
  | { readonly kind: 'disconnected'; readonly instance: string }
  | { readonly kind: 'report'; readonly report: InstanceReport }
  | { readonly kind: 'asked'; readonly instances: readonly string[] }
  | { readonly kind: 'knocked'; readonly instance: string }
  | { readonly kind: 'heard'; readonly instance: string; readonly sound: Sound }
  | { readonly kind: 'sent'; readonly instance: string; readonly goalId: string }
  | { readonly kind: 'retried'; readonly instance: string }
  | { readonly kind: 'record'; readonly record: ClusterRecord }
  /** This control plane leads from now on; the record was just read. */
  | { readonly kind: 'leading'; readonly term: number; readonly record: ClusterRecord }
  /** Where an instance says that it is, again: whoever led before may not have stored it. */
  | { readonly kind: 'placement'; readonly instance: string; readonly placement: Placement }
  | { readonly kind: 'spec'; readonly spec: ClusterSpec };

export const NO_KNOCKS: Knocks = {
  since: null,
  at: Number.NEGATIVE_INFINITY,
  answeredAt: Number.NEGATIVE_INFINITY,
  stamp: null,
  takenSince: null,
  takenAt: Number.NEGATIVE_INFINITY,
  refusedAt: Number.NEGATIVE_INFINITY,
};

const UNSEEN: Observed = {
  link: { kind: 'unseen' },
  report: null,
  foundRunning: null,
  hasRun: false,
  reportAt: Number.NEGATIVE_INFINITY,
  missingSince: null,
  askedAt: Number.NEGATIVE_INFINITY,
  knocks: NO_KNOCKS,
  promisedSince: null,
  sentGoal: null,
  failedSince: null,
};

export function observed(state: ClusterState, instance: string): Observed {
  return state.instances[instance] ?? UNSEEN;
}

const OBSERVED_NOTHING = { progress: null, syncBaseline: null } as const;

/** The state with which a control plane begins to lead a cluster. */
export function initialState(record: ClusterRecord, now: number, term: number | null = 0): ClusterState {
  return {
    record,
    term,
    observedSince: now,
    phaseSince: now,
    instances: {},
    ...OBSERVED_NOTHING,
    silenceSince: record.operations.silentEpoch === null ? null : now,
  };
}

/** The newest report of an instance whose agent is connected now. */
export function liveReport(state: ClusterState, instance: string): InstanceReport | null {
  const { link, report } = observed(state, instance);
  return link.kind === 'up' ? report : null;
}
