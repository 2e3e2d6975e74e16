import type { Lsn } from './lsn.ts';
import type { SettingsReport } from './settings.ts';
import type { SyncConfig } from './sync.ts';

/** Where the proxies and the health endpoint of one instance are reached. */
export interface Placement {
  /** Address that other instances' Envoys connect to, for example 127.0.0.1 or the pod's IP. */
  readonly host: string;
  /** Availability zone for locality-aware balancing; '' = unknown. */
  readonly zone: string;
  readonly ports: InstancePorts;
  /** Directory of PostgreSQL's unix socket. */
  readonly socketDir: string;
}

/** TCP ports of one instance. The first three are for local applications, `replication` for the local PostgreSQL. */
export interface InstancePorts {
  readonly rw: number;
  readonly ro: number;
  readonly any: number;
  /** Reads and replication from other Envoys. */
  readonly mesh: number;
  /** Writes from other Envoys; listens only on the primary of the current epoch. */
  readonly meshRw: number;
  readonly replication: number;
  /** The agent's health endpoint, HTTP. */
  readonly health: number;
}

/** The end of an ancestor timeline: what a `.history` file's line says. */
export interface TimelineSwitch {
  readonly timeline: number;
  /** First byte that is no longer of this timeline. */
  readonly endLsn: Lsn;
}

/** One row of pg_stat_replication. */
export interface StandbyConnection {
  /** application_name: the standby's instance name. */
  readonly name: string;
  readonly state: 'startup' | 'catchup' | 'streaming' | 'backup' | 'stopping';
  readonly syncState: 'async' | 'potential' | 'sync' | 'quorum';
  /** 0n while unknown. */
  readonly flushLsn: Lsn;
  readonly replayLsn: Lsn;
}

/** PostgreSQL of one instance, as its agent sees it. Exactly one of these at any time. */
export type PostgresState =
  /** No data directory. */
  | { readonly kind: 'absent' }
  /** The data directory is being made or repaired. */
  | { readonly kind: 'creating'; readonly how: 'initdb' | 'basebackup' | 'rewind' }
  | {
      readonly kind: 'stopped';
      /** `boot`: found so when the agent started. `requested`: stopped by a goal. `crashed`: ended by itself. */
      readonly how: 'boot' | 'requested' | 'crashed';
      /** The control file says that the last shutdown was clean. */
      readonly clean: boolean;
      /** Location of the latest checkpoint record, from the control file. */
      readonly checkpointLsn: Lsn;
    }
  | { readonly kind: 'starting' }
  /** It runs and has not answered its agent for a second: frozen, or starved. */
  | { readonly kind: 'unresponsive' }
  | PrimaryState
  | StandbyState;

export interface PrimaryState {
  readonly kind: 'primary';
  /** Current insert position of WAL that is flushed locally. */
  readonly flushLsn: Lsn;
  /** Where this primary's own writing began: the end of recovery at its last start or promotion. */
  readonly endOfRecoveryLsn: Lsn;
  /** synchronous_standby_names in force; null = a text that Howdah did not write. */
  readonly sync: SyncConfig | null;
  readonly standbys: readonly StandbyConnection[];
  /** Timeline of the latest finished checkpoint: pg_rewind needs it to be the current one. */
  readonly checkpointTimeline: number;
  /** Client sessions inside a transaction. */
  readonly activeTransactions: number;
}

export interface StandbyState {
  readonly kind: 'standby';
  /** pg_last_wal_receive_lsn(); after a restart it is only the start of a segment: use max(receive, replay). */
  readonly receiveLsn: Lsn;
  readonly replayLsn: Lsn;
  readonly streaming: boolean;
}

/** What an agent tells of its instance: on every change, and each 500 ms. */
export interface InstanceReport {
  readonly instance: string;
  /** Made anew at each start of the agent. */
  readonly bootId: string;
  /** Counts up within one boot. */
  readonly seq: number;
  /** Highest epoch that this agent promised, from disk. */
  readonly promisedEpoch: number;
  /** Highest term of a control plane that this agent took a goal of; goals of lower ones are ignored. 0 before. */
  readonly term: number;
  /** The goal that the agent holds and how far it is; null before the first. */
  readonly goal: GoalProgress | null;
  /** pg_control's system identifier in decimal; '' without a data directory. */
  readonly systemId: string;
  /** Timeline of the data directory; 0 without one. */
  readonly timeline: number;
  /** Ancestors of `timeline`, oldest first. */
  readonly history: readonly TimelineSwitch[];
  readonly postgres: PostgresState;
  readonly pids: InstancePids;
  /** Absent = the agent tells nothing of settings. */
  readonly settings?: SettingsReport;
}

export interface GoalProgress {
  readonly id: string;
  readonly status: 'working' | 'done' | 'failed';
  /** What is being done, or what failed: one sentence. */
  readonly detail: string;
}

/** 0 = not running. */
export interface InstancePids {
  readonly agent: number;
  readonly postgres: number;
  readonly envoy: number;
}
