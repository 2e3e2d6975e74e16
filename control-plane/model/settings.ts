/** PostgreSQL's settings as one instance is to have them, and what its agent tells of them. */
export interface Settings {
  /** Equal settings have equal versions. */
  readonly version: string;
  /** For postgresql.conf; what Howdah owns is not among them. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface SettingsReport {
  /** Version of the settings in the file that PostgreSQL read last; '' = none that the control plane told. */
  readonly version: string;
  /** Settings in the file that only a restart brings into force. */
  readonly pendingRestart: readonly PendingRestart[];
  /** The last check that was asked for; null = none. */
  readonly checked: SettingsCheck | null;
}

export interface PendingRestart {
  readonly name: string;
  readonly running: string;
  readonly wanted: string;
}

export interface SettingsCheck {
  readonly id: number;
  /** What PostgreSQL says against them; empty = nothing. */
  readonly problems: readonly SettingProblem[];
}

export interface SettingProblem {
  readonly name: string;
  readonly message: string;
}

/**
 * A standby must not have less of these than its primary.
 * https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN
 */
export const STANDBY_FLOORS: readonly string[] = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
];
