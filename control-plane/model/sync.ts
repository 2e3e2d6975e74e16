/** Who must have flushed a commit: `synchronous_standby_names = 'ANY k (voters)'`. */
export interface SyncConfig {
  /** Names of the standbys that count, sorted. Empty: commits wait for nobody. */
  readonly voters: readonly string[];
  /** k of them must have flushed a commit. 0 only with no voters. */
  readonly k: number;
}

export const NO_SYNC: SyncConfig = { voters: [], k: 0 };

/** How many voters must promise a new epoch so that k can never be gathered without one of them. */
export function promiseQuorum(sync: SyncConfig): number {
  return sync.voters.length - sync.k + 1;
}

export function sameSync(a: SyncConfig, b: SyncConfig): boolean {
  return a.k === b.k && a.voters.length === b.voters.length && a.voters.every((name, i) => name === b.voters[i]);
}

/**
 * The text for synchronous_standby_names.
 * https://www.postgresql.org/docs/current/runtime-config-replication.html#GUC-SYNCHRONOUS-STANDBY-NAMES
 */
export function formatSync(sync: SyncConfig): string {
  if (sync.voters.length === 0) return '';
  return `ANY ${sync.k} (${sync.voters.map((name) => `"${name}"`).join(', ')})`;
}

/** The inverse of formatSync; undefined for a text that Howdah did not write. */
export function parseSync(text: string): SyncConfig | undefined {
  if (text.trim() === '') return NO_SYNC;
  const match = /^ANY (\d+) \((.*)\)$/.exec(text.trim());
  if (!match) return undefined;
  const voters = match[2]!.split(',').map((name) => name.trim());
  if (!voters.every((name) => /^"[^"]+"$/.test(name))) return undefined;
  return { k: Number(match[1]), voters: voters.map((name) => name.slice(1, -1)) };
}
