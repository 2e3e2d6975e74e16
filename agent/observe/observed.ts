/**
 * What an agent knows of its own instance at one moment: the input of plan(). Plain data, no I/O.
 */
import type { PrimaryState, TimelineSwitch } from '../../control-plane/model/instance.ts';
import type { Lsn } from '../../control-plane/model/lsn.ts';

export interface Observed {
  /** Own instance name. */
  readonly instance: string;
  /** Port on loopback where the local Envoy leads to the primary. */
  readonly replicationPort: number;
  /** '' without a data directory. */
  readonly systemId: string;
  /** 0 without a data directory. */
  readonly timeline: number;
  /** Ancestors of `timeline`, oldest first. */
  readonly history: readonly TimelineSwitch[];
  readonly server: ServerView;
  /** Of a goal to lead: it may not begin or go on without. Always true under other goals. */
  readonly leaseHeld: boolean;
}

/** What changes while PostgreSQL runs; each takes effect with a reload. */
export interface Override {
  readonly primaryConninfo: string;
  readonly primarySlotName: string;
  readonly synchronousStandbyNames: string;
  /**
   * Only Howdah's own roles get in: a proxy that has not heard of the closed gate can show nobody what crash recovery
   * brought back before k standbys hold it.
   */
  readonly closed: boolean;
}

/** No source, nobody to wait for, open to all. */
export const NO_OVERRIDE: Override = {
  primaryConninfo: '',
  primarySlotName: '',
  synchronousStandbyNames: '',
  closed: false,
};

/** Exactly one of these at any time. */
export type ServerView =
  /** No data directory. */
  | { readonly kind: 'absent' }
  /** A pg_rewind was interrupted: the directory must never be started again. */
  | { readonly kind: 'broken' }
  | StoppedView
  /** Runs, and takes no connections yet. `override`: what is in the file. */
  | { readonly kind: 'starting'; readonly override: Override }
  /** A shutdown is under way. */
  | { readonly kind: 'stopping' }
  /** Runs and doesn't answer within the time limit. `role`: what it was when it last did. */
  | { readonly kind: 'unresponsive'; readonly role: 'primary' | 'standby' }
  | PrimaryView
  | StandbyView;

export interface StoppedView {
  readonly kind: 'stopped';
  readonly how: 'boot' | 'requested' | 'crashed';
  /** It ended by itself after the goal that the agent holds last arrived. */
  readonly crashedUnderGoal: boolean;
  /** The control file says that the last shutdown was clean, as a primary or in recovery. */
  readonly clean: boolean;
  readonly checkpointLsn: Lsn;
  /** For one that ran as a standby: recovery got at least this far. 0n otherwise. */
  readonly minRecoveryLsn: Lsn;
  /**
   * Who wrote its WAL last: itself as a primary, or recovery. A fresh copy of a primary counts as `standby`.
   * `promoting`: it ended amid a promotion, perhaps with the first bytes of a timeline of its own.
   */
  readonly ranAs: 'primary' | 'standby' | 'promoting';
  /** standby.signal is there: it would start as a standby. */
  readonly standbySignal: boolean;
}

export interface PrimaryView extends PrimaryState {
  /** In force, as SHOW tells. */
  readonly override: Override;
  /** What the file holds: it differs from what is in force while a reload is under way. */
  readonly written: Override;
  readonly slots: readonly SlotView[];
  /** By standby: a text that changes with each reply that came from it. */
  readonly replies: Readonly<Record<string, string>>;
  /** A checkpoint that the agent asked for is running. */
  readonly checkpointing: boolean;
}

export interface StandbyView {
  readonly kind: 'standby';
  readonly receiveLsn: Lsn;
  readonly replayLsn: Lsn;
  /** `none`: there is no WAL receiver process. */
  readonly walReceiver: 'none' | 'connecting' | 'streaming';
  /** A promotion was asked for and is not finished: it will be a primary in a moment. */
  readonly promoting: boolean;
  /** All WAL that was received is replayed, or replay stopped before a record whose rest never came. */
  readonly drained: boolean;
  /** In force, as SHOW tells. */
  readonly override: Override;
  /** What the file holds: it differs from what is in force while a reload is under way. */
  readonly written: Override;
  readonly slots: readonly SlotView[];
  /** The primary no longer has the WAL that this standby needs: only a new base backup helps. */
  readonly walMissing: boolean;
}

/** A physical replication slot. */
export interface SlotView {
  readonly name: string;
  readonly active: boolean;
  /** It keeps WAL from being removed. */
  readonly reserved: boolean;
  /** The WAL that it promised is gone: it can't be used any more. */
  readonly lost: boolean;
}

/**
 * A standby once it showed these settings: known without another look. Where there is to be no source, no WAL receiver
 * runs any more. null = what was seen last is no standby.
 */
export function withShown(observed: Observed, override: Override): Observed | null {
  const { server } = observed;
  if (server.kind !== 'standby') return null;
  const walReceiver = override.primaryConninfo === '' ? 'none' : server.walReceiver;
  return { ...observed, server: { ...server, override, written: override, walReceiver } };
}

/** One that was started a moment ago: known without a look. */
export function withStarted(observed: Observed, override: Override): Observed {
  return { ...observed, server: { kind: 'starting', override } };
}
