/**
 * PostgreSQL's settings: who decides each of them, and the text of our files. Pure.
 *
 * Four layers, the later one wins:
 * 1. postgresql.conf as initdb made it;
 * 2. howdah.conf, included at its end: our defaults, then the user's spec.postgres.parameters;
 * 3. howdah.override.conf: the settings that change while PostgreSQL runs (type Override);
 * 4. the command line: what Howdah owns and never changes while PostgreSQL runs.
 * ALTER SYSTEM (postgresql.auto.conf) comes between 3 and 4: it can't touch the fourth layer, and the agent removes the
 * names of the third from it whenever it writes them; what is in force is always read back from PostgreSQL.
 * https://www.postgresql.org/docs/current/config-setting.html
 */
import type { Override } from '../observe/observed.ts';

export const CONFIG_FILE = 'howdah.conf';
export const OVERRIDE_FILE = 'howdah.override.conf';
export const INCLUDE_LINES = `include_if_exists '${CONFIG_FILE}'\ninclude_if_exists '${OVERRIDE_FILE}'\n`;

/**
 * `on` while pg_hba.conf lets only Howdah's own roles in. It shows that a reload is over: PostgreSQL reads pg_hba.conf
 * again after its settings, before it takes the next connection.
 */
export const CLOSED_SETTING = 'howdah.closed';
/** Names in Override, as PostgreSQL spells them. */
export const OVERRIDE_NAMES = [
  'primary_conninfo',
  'primary_slot_name',
  'synchronous_standby_names',
  CLOSED_SETTING,
] as const;

/** What the agent and the other instances connect as. */
const HOWDAH_ROLES = ['howdah', 'howdah_replication'];

/** Small enough for fifteen instances on one machine; the user's parameters come after them. */
const DEFAULTS: Readonly<Record<string, string>> = {
  shared_buffers: '32MB',
  max_wal_size: '512MB',
  min_wal_size: '64MB',
  wal_keep_size: '128MB',
  max_slot_wal_keep_size: '2GB',
  // A new primary's first standby opens the writes: 100 ms here kept them shut 50 ms longer.
  wal_retrieve_retry_interval: '20ms',
  wal_receiver_status_interval: '1s',
  wal_sender_timeout: '5s',
  // A frozen primary is given up by its standbys only then; they ask it for a sign of life at half of it.
  wal_receiver_timeout: '1800ms',
  // After a crash PostgreSQL syncs all its files, one by one by default: 970 in an empty database, and on a disk that is
  // busy that kept a new primary's only standby away for 3 s, and writes with it.
  // https://www.postgresql.org/docs/current/runtime-config-error-handling.html#GUC-RECOVERY-INIT-SYNC-METHOD
  recovery_init_sync_method: 'syncfs',
  superuser_reserved_connections: '5',
};

export interface OwnedBy {
  readonly socketDir: string;
  readonly instance: string;
  /** spec.postgres.parameters: the user may choose a stronger synchronous_commit. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Fourth layer. */
export function ownedSettings(at: OwnedBy): Record<string, string> {
  return {
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: at.socketDir,
    unix_socket_permissions: '0777',
    cluster_name: at.instance,
    wal_level: 'replica',
    wal_log_hints: 'on',
    hot_standby: 'on',
    hot_standby_feedback: 'on',
    full_page_writes: 'on',
    fsync: 'on',
    synchronous_commit: at.parameters.synchronous_commit ?? 'on',
    // A crash of a backend is a crash of the primary: recovery in place would show rows that were never replicated.
    restart_after_crash: 'off',
    max_wal_senders: '20',
    max_replication_slots: '20',
    recovery_target_timeline: 'latest',
    recovery_target_action: 'promote',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_line_prefix: '[%p] ',
    // The agent reads severities and a few messages.
    lc_messages: 'C',
  };
}

/** `-c name=value` for each of them. */
export function commandLine(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Second layer. */
export function renderConfig(parameters: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...DEFAULTS, ...parameters }).map(([name, value]) => setting(name, value));
  return `# Written by howdah's agent at each start of PostgreSQL; change spec.postgres.parameters instead.\n${lines.join('')}`;
}

/** What PostgreSQL has of these when nobody sets them. */
const FLOOR_DEFAULTS: Readonly<Record<string, number>> = {
  max_connections: 100,
  max_worker_processes: 8,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
};

/** The parameters, raised to what a standby must not have less of; the same object when nothing has to be raised. */
export function withFloors(
  parameters: Readonly<Record<string, string>>,
  floors: Readonly<Record<string, number>>,
): Readonly<Record<string, string>> {
  const raised = Object.entries(FLOOR_DEFAULTS).filter(
    ([name, most]) => (floors[name] ?? 0) > Number(parameters[name] ?? most),
  );
  if (raised.length === 0) return parameters;
  return { ...parameters, ...Object.fromEntries(raised.map(([name]) => [name, String(floors[name])])) };
}

/** Third layer. */
export function renderOverride(override: Override): string {
  return (
    "# Written by howdah's agent; the control plane decides these.\n" +
    setting('primary_conninfo', override.primaryConninfo) +
    setting('primary_slot_name', override.primarySlotName) +
    setting('synchronous_standby_names', override.synchronousStandbyNames) +
    setting(CLOSED_SETTING, override.closed ? 'on' : 'off')
  );
}

/** postgresql.auto.conf without the settings of the third layer; the same text when it has none. */
export function withoutOverridden(autoConfig: string): string {
  const ours = new RegExp(`^\\s*(${OVERRIDE_NAMES.join('|')})\\s*(=|\\s)`, 'i');
  return autoConfig
    .split('\n')
    .filter((line) => !ours.test(line))
    .join('\n');
}

/** Who may connect: only over the unix socket, where our Envoy is too. `closed`: only Howdah itself. */
export function renderHba(auth: 'trust' | 'scram', closed: boolean): string {
  const method = auth === 'trust' ? 'trust' : 'scram-sha-256';
  const who = closed ? HOWDAH_ROLES.join(',') : 'all';
  return (
    `# Written by howdah's agent at each start of PostgreSQL${closed ? '; closed' : ''}.\n` +
    `local all ${who} ${method}\nlocal replication ${who} ${method}\n`
  );
}

function setting(name: string, value: string): string {
  const quoted = value.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n');
  return `${name} = '${quoted}'\n`;
}
