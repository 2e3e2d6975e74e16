/** Reports and placements, between the model and the wire. */
import type { JsonObject } from '../../proto/json.ts';
import type {
  GoalProgress,
  InstanceReport,
  Placement,
  PostgresState,
  PrimaryState,
  StandbyConnection,
} from '../model/instance.ts';
import { type WireFields, type WireWords, wireWord } from './wire-fields.ts';
import {
  historyFromWire,
  historyToWire,
  syncFromWire,
  syncToWire,
  systemIdFromWire,
  systemIdToWire,
} from './wire-goal.ts';
import { settingsReportFromWire, settingsReportToWire } from './wire-settings.ts';

const STATUSES: WireWords<GoalProgress['status']> = { prefix: 'STATUS_', all: ['working', 'done', 'failed'] };
const CREATING: WireWords<Extract<PostgresState, { kind: 'creating' }>['how']> = {
  prefix: 'HOW_',
  all: ['initdb', 'basebackup', 'rewind'],
};
const STOPPED: WireWords<Extract<PostgresState, { kind: 'stopped' }>['how']> = {
  prefix: 'HOW_',
  all: ['boot', 'requested', 'crashed'],
};
const STATES: WireWords<StandbyConnection['state']> = {
  prefix: 'STATE_',
  all: ['startup', 'catchup', 'streaming', 'backup', 'stopping'],
};
const SYNC_STATES: WireWords<StandbyConnection['syncState']> = {
  prefix: 'SYNC_STATE_',
  all: ['async', 'potential', 'sync', 'quorum'],
};

export function reportToWire(report: InstanceReport): JsonObject {
  return {
    instance: report.instance,
    boot_id: report.bootId,
    seq: report.seq,
    promised_epoch: report.promisedEpoch,
    term: report.term,
    goal: report.goal && { ...report.goal, status: wireWord(STATUSES, report.goal.status) },
    system_id: systemIdToWire(report.systemId),
    timeline: report.timeline,
    history: historyToWire(report.history),
    postgres: postgresToWire(report.postgres),
    pids: { ...report.pids },
    ...(report.settings ? { settings: settingsReportToWire(report.settings) } : {}),
  };
}

export function reportFromWire(fields: WireFields): InstanceReport {
  const goal = fields.optional('goal');
  const pids = fields.message('pids');
  const settings = fields.optional('settings');
  return {
    instance: fields.text('instance'),
    bootId: fields.text('boot_id'),
    seq: fields.count('seq'),
    promisedEpoch: fields.count('promised_epoch'),
    term: fields.count('term'),
    goal: goal ? { id: goal.text('id'), status: goal.word('status', STATUSES), detail: goal.text('detail') } : null,
    systemId: systemIdFromWire(fields),
    timeline: fields.count('timeline'),
    history: historyFromWire(fields),
    postgres: postgresFromWire(fields.message('postgres')),
    pids: { agent: pids.count('agent'), postgres: pids.count('postgres'), envoy: pids.count('envoy') },
    ...(settings ? { settings: settingsReportFromWire(settings) } : {}),
  };
}

function postgresToWire(state: PostgresState): JsonObject {
  switch (state.kind) {
    case 'absent':
      return { absent: {} };
    case 'starting':
      return { starting: {} };
    case 'unresponsive':
      return { unresponsive: {} };
    case 'creating':
      return { creating: { how: wireWord(CREATING, state.how) } };
    case 'stopped':
      return {
        stopped: {
          how: wireWord(STOPPED, state.how),
          clean: state.clean,
          checkpoint_lsn: state.checkpointLsn.toString(),
        },
      };
    case 'primary':
      return { primary: primaryToWire(state) };
    case 'standby':
      return {
        standby: {
          receive_lsn: state.receiveLsn.toString(),
          replay_lsn: state.replayLsn.toString(),
          streaming: state.streaming,
        },
      };
  }
}

function postgresFromWire(postgres: WireFields): PostgresState {
  const kind = postgres.choice(['absent', 'creating', 'stopped', 'starting', 'unresponsive', 'primary', 'standby']);
  const fields = postgres.message(kind);
  switch (kind) {
    case 'absent':
    case 'starting':
    case 'unresponsive':
      return { kind };
    case 'creating':
      return { kind, how: fields.word('how', CREATING) };
    case 'stopped':
      return {
        kind,
        how: fields.word('how', STOPPED),
        clean: fields.flag('clean'),
        checkpointLsn: fields.bits('checkpoint_lsn'),
      };
    case 'primary':
      return primaryFromWire(fields);
    case 'standby':
      return {
        kind,
        receiveLsn: fields.bits('receive_lsn'),
        replayLsn: fields.bits('replay_lsn'),
        streaming: fields.flag('streaming'),
      };
  }
}

function primaryToWire(state: PrimaryState): JsonObject {
  return {
    flush_lsn: state.flushLsn.toString(),
    end_of_recovery_lsn: state.endOfRecoveryLsn.toString(),
    sync: state.sync && syncToWire(state.sync),
    standbys: state.standbys.map((standby) => ({
      name: standby.name,
      state: wireWord(STATES, standby.state),
      sync_state: wireWord(SYNC_STATES, standby.syncState),
      flush_lsn: standby.flushLsn.toString(),
      replay_lsn: standby.replayLsn.toString(),
    })),
    checkpoint_timeline: state.checkpointTimeline,
    active_transactions: state.activeTransactions,
  };
}

function primaryFromWire(fields: WireFields): PrimaryState {
  const sync = fields.optional('sync');
  return {
    kind: 'primary',
    flushLsn: fields.bits('flush_lsn'),
    endOfRecoveryLsn: fields.bits('end_of_recovery_lsn'),
    sync: sync ? syncFromWire(sync) : null,
    standbys: fields.messages('standbys').map((standby) => ({
      name: standby.text('name'),
      state: standby.word('state', STATES),
      syncState: standby.word('sync_state', SYNC_STATES),
      flushLsn: standby.bits('flush_lsn'),
      replayLsn: standby.bits('replay_lsn'),
    })),
    checkpointTimeline: fields.count('checkpoint_timeline'),
    activeTransactions: fields.count('active_transactions'),
  };
}

export function placementToWire(placement: Placement): JsonObject {
  const { meshRw, ...ports } = placement.ports;
  return {
    host: placement.host,
    zone: placement.zone,
    ports: { ...ports, mesh_rw: meshRw },
    socket_dir: placement.socketDir,
  };
}

export function placementFromWire(fields: WireFields): Placement {
  const ports = fields.message('ports');
  return {
    host: fields.text('host'),
    zone: fields.text('zone'),
    ports: {
      rw: ports.count('rw'),
      ro: ports.count('ro'),
      any: ports.count('any'),
      mesh: ports.count('mesh'),
      meshRw: ports.count('mesh_rw'),
      replication: ports.count('replication'),
      health: ports.count('health'),
    },
    socketDir: fields.text('socket_dir'),
  };
}
