/** PostgreSQL settings that a document may not hold, or not with every value, and how values are normalised. */
import type { DurabilitySpec } from '../../model/cluster-spec.ts';

const SOCKET_ONLY = 'PostgreSQL is reached through its unix socket by the Envoy beside it; spec.routes has the ports';
const FILES = "Howdah lays out each instance's directory";
const FOLLOWS = 'Howdah sets it when an instance starts to follow another';
const REWIND = 'an old primary could not be rewound and rejoin without it';
const CRASH_SAFE = 'an acknowledged commit could be lost in a crash';
const COUNTS = 'Howdah derives it from spec.instances';
const RECOVERY = 'Howdah decides up to where and when an instance replays WAL';
const DELAYED = 'spec.tags.INSTANCE.applyDelay decides how much later an instance replays';
const LOGGING = 'the agent reads what PostgreSQL logs from its standard error';
const INCLUDES = 'settings from another file could not be checked: write them here';

/** Settings that belong to Howdah, each with the reason. Names in lower case. */
export const OWNED_PARAMETERS: Readonly<Record<string, string>> = {
  listen_addresses: SOCKET_ONLY,
  port: SOCKET_ONLY,
  unix_socket_directories: SOCKET_ONLY,
  unix_socket_group: SOCKET_ONLY,
  unix_socket_permissions: SOCKET_ONLY,
  data_directory: FILES,
  config_file: FILES,
  hba_file: FILES,
  ident_file: FILES,
  external_pid_file: FILES,
  include: INCLUDES,
  include_dir: INCLUDES,
  include_if_exists: INCLUDES,
  primary_conninfo: FOLLOWS,
  primary_slot_name: FOLLOWS,
  cluster_name: FOLLOWS,
  wal_receiver_create_temp_slot: FOLLOWS,
  synchronous_standby_names: 'spec.durability decides who must have flushed a commit',
  wal_level: 'standbys need it to be replica or more',
  hot_standby: 'standbys answer reads',
  hot_standby_feedback: 'Howdah sets it on each standby',
  max_wal_senders: COUNTS,
  max_replication_slots: COUNTS,
  wal_log_hints: REWIND,
  full_page_writes: REWIND,
  fsync: CRASH_SAFE,
  restart_after_crash: 'a primary that restarts by itself would show rows that no standby has',
  recovery_min_apply_delay: DELAYED,
  recovery_target: RECOVERY,
  recovery_target_action: RECOVERY,
  recovery_target_inclusive: RECOVERY,
  recovery_target_lsn: RECOVERY,
  recovery_target_name: RECOVERY,
  recovery_target_time: RECOVERY,
  recovery_target_timeline: RECOVERY,
  recovery_target_xid: RECOVERY,
  restore_command: RECOVERY,
  recovery_end_command: RECOVERY,
  archive_cleanup_command: RECOVERY,
  promote_trigger_file: RECOVERY,
  password_encryption: 'spec.postgres.auth decides how passwords are checked',
  logging_collector: LOGGING,
  log_destination: LOGGING,
  log_line_prefix: LOGGING,
  lc_messages: LOGGING,
  allow_alter_system: 'Howdah decides whether ALTER SYSTEM may override what it sets',
};

// synchronous_commit below `on` acknowledges a commit before a standby has it.
// https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT
const WAITS_FOR_STANDBYS = ['on', 'remote_apply', 'true', 'yes', '1'];

const NAME = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)*$/;

/** PostgreSQL's names of settings don't depend on case. */
export function normalizeName(name: string): string {
  return name.toLowerCase();
}

export function normalizeValue(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}

/** What is wrong with one setting; undefined when nothing is. `mode` undefined: not known. */
export function parameterProblem(
  name: string,
  value: string | number | boolean,
  mode: DurabilitySpec['mode'] | undefined,
): string | undefined {
  const normalized = normalizeName(name);
  if (!NAME.test(normalized)) return 'is not the name of a PostgreSQL setting: letters, digits, "_" and "$"';
  const reason = Object.hasOwn(OWNED_PARAMETERS, normalized) ? OWNED_PARAMETERS[normalized] : undefined;
  if (reason) return `belongs to Howdah: ${reason}; remove it`;
  if (
    typeof value === 'number' &&
    (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
  ) {
    return 'is a number that YAML can not hold exactly: quote it';
  }
  // A line of postgresql.conf can't hold them.
  const text = normalizeValue(value);
  if (/\p{Cc}/u.test(text)) return 'holds a line break or another control character: remove it';
  if (normalized === 'synchronous_commit' && mode !== undefined && mode !== 'async') {
    if (!WAITS_FOR_STANDBYS.includes(text.toLowerCase())) {
      return `must be on or remote_apply with spec.durability.mode ${mode}, is ${text}: a commit would not wait for its standbys; set it by role or session where that is wanted`;
    }
  }
  return undefined;
}
