/** Reading what PostgreSQL writes: the control file, names in pg_wal, history files, log lines. */
import { describe, expect, it } from 'vitest';
import { captureError } from '../../test/support/capture-error.ts';
import { isClean, isRecovery, parseControlData } from './control-file.ts';
import { parseLogLine, tellsMissingWal } from './log-lines.ts';
import { newestTimeline, parseHistory } from './timeline.ts';

const CONTROL = `pg_control version number:            1800
Database system identifier:           7711204390007631529
Database cluster state:               in archive recovery
Latest checkpoint location:           0/16F9360
Latest checkpoint's TimeLineID:       2
Minimum recovery ending location:     1/A0
Min recovery ending loc's timeline:   3
max_connections setting:              80
max_worker_processes setting:         8
max_prepared_xacts setting:           0
max_locks_per_xact setting:           64
`;

describe('parseControlData', () => {
  it('reads what pg_controldata prints', () => {
    expect(parseControlData(CONTROL)).toEqual({
      systemId: '7711204390007631529',
      state: 'in archive recovery',
      checkpointLsn: 0x16f9360n,
      checkpointTimeline: 2,
      minRecoveryLsn: 0x1_0000_00a0n,
      minRecoveryTimeline: 3,
      floors: {
        max_connections: 80,
        max_worker_processes: 8,
        max_prepared_transactions: 0,
        max_locks_per_transaction: 64,
      },
    });
  });

  it('names the line that is missing, and a state that it does not know', () => {
    const missing = captureError(() => parseControlData(CONTROL.replace('Latest checkpoint location', 'Other')));
    expect(missing).toMatchObject({
      code: 'corrupted',
      message: expect.stringContaining('Latest checkpoint location'),
    });
    const unknown = captureError(() => parseControlData(CONTROL.replace('in archive recovery', 'on fire')));
    expect(unknown).toMatchObject({ code: 'corrupted', message: expect.stringContaining('on fire') });
  });

  it('knows clean shutdowns and recoveries', () => {
    expect([isClean('shut down'), isClean('shut down in recovery'), isClean('in production')]).toEqual([
      true,
      true,
      false,
    ]);
    expect([isRecovery('in archive recovery'), isRecovery('in crash recovery')]).toEqual([true, false]);
  });
});

describe('timelines', () => {
  it('goes by segments: a history file alone says nothing', () => {
    expect(newestTimeline(['000000010000000000000003', '00000002.history', 'archive_status'])).toBe(1);
    expect(newestTimeline(['000000010000000000000003.partial', '0000000A0000000000000003'])).toBe(10);
    expect(newestTimeline([])).toBe(0);
  });

  it('reads a history file', () => {
    const text = '1\t0/5000110\tno recovery target specified\n\n2\t0/60000A0\tbefore 2026\n# a comment\n';
    expect(parseHistory(text)).toEqual([
      { timeline: 1, endLsn: 0x5000110n },
      { timeline: 2, endLsn: 0x60000a0n },
    ]);
  });
});

describe('log lines', () => {
  it('takes severity and process apart from the text', () => {
    expect(parseLogLine('[12] LOG:  starting PostgreSQL 18')).toEqual({
      pid: 12,
      severity: 'LOG',
      message: 'starting PostgreSQL 18',
      level: 'info',
    });
    expect(parseLogLine('[12] PANIC:  no space').level).toBe('error');
    expect(parseLogLine('[12] FATAL:  the database system is starting up').level).toBe('warn');
    expect(parseLogLine('[12] DEBUG1:  x').level).toBe('debug');
    expect(parseLogLine('\tcontinued')).toMatchObject({ severity: '', message: 'continued' });
  });

  it('sees that the primary has removed WAL that is needed', () => {
    const text =
      '[9] FATAL:  could not receive data from WAL stream: ERROR:  requested WAL segment 000000010000000000000003 has already been removed';
    expect(tellsMissingWal(parseLogLine(text))).toBe(true);
    expect(tellsMissingWal(parseLogLine('[9] LOG:  started streaming WAL'))).toBe(false);
  });
});
