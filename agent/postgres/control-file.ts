/**
 * Reading pg_control through pg_controldata: what a stopped PostgreSQL can tell.
 * https://www.postgresql.org/docs/current/app-pgcontroldata.html
 */
import { HowdahError } from '../../control-plane/model/errors.ts';
import { type Lsn, parseLsn } from '../../control-plane/model/lsn.ts';

export interface ControlFile {
  readonly systemId: string;
  /** DBState of PostgreSQL's pg_control.h, as pg_controldata words it. */
  readonly state: ControlState;
  readonly checkpointLsn: Lsn;
  readonly checkpointTimeline: number;
  /** 0/0 but for one that ran in archive recovery. */
  readonly minRecoveryLsn: Lsn;
  readonly minRecoveryTimeline: number;
  /** What the primary had of the settings that a standby must not have less of, by name. */
  readonly floors: Readonly<Record<string, number>>;
}

const FLOORS: Readonly<Record<string, string>> = {
  max_connections: 'max_connections setting',
  max_worker_processes: 'max_worker_processes setting',
  max_prepared_transactions: 'max_prepared_xacts setting',
  max_locks_per_transaction: 'max_locks_per_xact setting',
};

const CONTROL_STATES = [
  'starting up',
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'in production',
] as const;
export type ControlState = (typeof CONTROL_STATES)[number];

/** The last shutdown was clean. */
export function isClean(state: ControlState): boolean {
  return state === 'shut down' || state === 'shut down in recovery';
}

/** It was replaying a primary's WAL, and wrote none of its own. */
export function isRecovery(state: ControlState): boolean {
  return state === 'shut down in recovery' || state === 'in archive recovery';
}

/** @throws HowdahError `corrupted` when a line is missing or not understood. */
export function parseControlData(output: string): ControlFile {
  const values = new Map<string, string>();
  for (const line of output.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const value = (name: string): string => {
    const found = values.get(name);
    if (found === undefined) throw new HowdahError('corrupted', `pg_controldata tells no "${name}"`);
    return found;
  };
  const stateText = value('Database cluster state');
  const state = CONTROL_STATES.find((known) => known === stateText);
  if (state === undefined) throw new HowdahError('corrupted', `the control file says the state "${stateText}"`);
  return {
    systemId: value('Database system identifier'),
    state,
    checkpointLsn: parseLsn(value('Latest checkpoint location')),
    checkpointTimeline: Number(value("Latest checkpoint's TimeLineID")),
    minRecoveryLsn: parseLsn(value('Minimum recovery ending location')),
    minRecoveryTimeline: Number(value("Min recovery ending loc's timeline")),
    floors: Object.fromEntries(Object.entries(FLOORS).map(([name, line]) => [name, Number(value(line))])),
  };
}
