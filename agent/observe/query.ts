/** One round of SQL that tells everything of a running PostgreSQL, and the reading of its row. */
import { z } from 'zod';
import type { StandbyConnection } from '../../control-plane/model/instance.ts';
import { type Lsn, parseLsn } from '../../control-plane/model/lsn.ts';
import { CLOSED_SETTING } from '../postgres/settings.ts';
import type { Override, SlotView } from './observed.ts';

/** Before the first reload of a server that was started without it the setting does not exist. */
export const CLOSED_SQL = `coalesce(current_setting('${CLOSED_SETTING}', true), '') = 'on'`;

/**
 * `recovering` is asked once: a promotion that ends amid the statement must not mix two roles in one row.
 * The functions of a primary fail on a standby, so they stand in a CASE.
 * https://www.postgresql.org/docs/current/functions-admin.html, https://www.postgresql.org/docs/current/monitoring-stats.html
 */
export const OBSERVE_SQL = `
with server as materialized (select pg_is_in_recovery() as recovering)
select recovering,
  current_setting('primary_conninfo') as primary_conninfo,
  current_setting('primary_slot_name') as primary_slot_name,
  current_setting('synchronous_standby_names') as synchronous_standby_names,
  ${CLOSED_SQL} as closed,
  (select coalesce(json_agg(json_build_object('name', slot_name, 'active', active,
      'reserved', restart_lsn is not null, 'lost', coalesce(wal_status = 'lost', false))), '[]')
    from pg_replication_slots where slot_type = 'physical' and not temporary) as slots,
  case when recovering then null else pg_current_wal_flush_lsn()::text end as flush_lsn,
  case when recovering then null else pg_walfile_name(pg_current_wal_insert_lsn()) end as wal_file,
  case when recovering then null else (select timeline_id from pg_control_checkpoint()) end as checkpoint_timeline,
  case when recovering then null else
    (select coalesce(json_agg(json_build_object('name', application_name, 'state', state, 'syncState', sync_state,
        'flushLsn', coalesce(flush_lsn, '0/0')::text, 'replayLsn', coalesce(replay_lsn, '0/0')::text,
        'reply', coalesce(reply_time::text, ''))
        order by application_name, pid), '[]') from pg_stat_replication) end as standbys,
  case when recovering then 0 else
    (select count(*)::int from pg_stat_activity where backend_type = 'client backend' and xact_start is not null
      and pid <> pg_backend_pid()) end as active_transactions,
  coalesce(pg_last_wal_receive_lsn(), '0/0')::text as receive_lsn,
  coalesce(pg_last_wal_replay_lsn(), '0/0')::text as replay_lsn,
  (select json_build_object('status', status, 'timeline', received_tli) from pg_stat_wal_receiver) as wal_receiver,
  case when recovering then
    (select wait_event from pg_stat_activity where backend_type = 'startup') end as startup_wait
from server`;

export interface ServerRow {
  readonly recovering: boolean;
  readonly override: Override;
  readonly slots: readonly SlotView[];
  /** Of a primary; null on a standby. */
  readonly primary: {
    readonly flushLsn: Lsn;
    readonly timeline: number;
    readonly checkpointTimeline: number;
    readonly standbys: readonly StandbyConnection[];
    readonly replies: Readonly<Record<string, string>>;
    readonly activeTransactions: number;
  } | null;
  /** 0n where it received nothing since its start. */
  readonly receiveLsn: Lsn;
  readonly replayLsn: Lsn;
  readonly walReceiver: { readonly status: string; readonly timeline: number } | null;
  /** The startup process found no more WAL and sleeps before it looks again. */
  readonly replayIdle: boolean;
}

const lsn = z.string().transform(parseLsn);
const schema = z.object({
  recovering: z.boolean(),
  primary_conninfo: z.string(),
  primary_slot_name: z.string(),
  synchronous_standby_names: z.string(),
  closed: z.boolean(),
  slots: z.array(z.object({ name: z.string(), active: z.boolean(), reserved: z.boolean(), lost: z.boolean() })),
  flush_lsn: lsn.nullable(),
  wal_file: z.string().nullable(),
  checkpoint_timeline: z.number().nullable(),
  standbys: z
    .array(
      z.object({
        name: z.string(),
        state: z.enum(['startup', 'catchup', 'streaming', 'backup', 'stopping']),
        syncState: z.enum(['async', 'potential', 'sync', 'quorum']),
        flushLsn: lsn,
        replayLsn: lsn,
        reply: z.string(),
      }),
    )
    .nullable(),
  active_transactions: z.number(),
  receive_lsn: lsn,
  replay_lsn: lsn,
  wal_receiver: z.object({ status: z.string().nullable(), timeline: z.number().nullable() }).nullable(),
  startup_wait: z.string().nullable(),
});

export function readServerRow(raw: unknown): ServerRow {
  const row = schema.parse(raw);
  const primary =
    row.flush_lsn === null
      ? null
      : {
          flushLsn: row.flush_lsn,
          timeline: Number.parseInt((row.wal_file ?? '').slice(0, 8), 16),
          checkpointTimeline: row.checkpoint_timeline ?? 0,
          standbys: (row.standbys ?? []).map(({ reply: _, ...standby }) => standby),
          replies: Object.fromEntries((row.standbys ?? []).map(({ name, reply }) => [name, reply])),
          activeTransactions: row.active_transactions,
        };
  return {
    recovering: row.recovering,
    override: {
      primaryConninfo: row.primary_conninfo,
      primarySlotName: row.primary_slot_name,
      synchronousStandbyNames: row.synchronous_standby_names,
      closed: row.closed,
    },
    slots: row.slots,
    primary,
    receiveLsn: row.receive_lsn,
    replayLsn: row.replay_lsn,
    walReceiver: row.wal_receiver && {
      status: row.wal_receiver.status ?? '',
      timeline: row.wal_receiver.timeline ?? 0,
    },
    replayIdle: row.startup_wait === 'RecoveryRetrieveRetryInterval',
  };
}
