/** From what the agent observed to what it tells the control plane and the health endpoint. Pure. */
import type { PostgresState } from '../../control-plane/model/instance.ts';
import type { ServerView } from './observed.ts';

export type Creating = 'initdb' | 'basebackup' | 'rewind';

/**
 * `creating`: the step that is making or repairing the directory. `last`: what was told before, for the moments in
 * which PostgreSQL doesn't tell.
 */
export function postgresState(view: ServerView, creating: Creating | null, last: PostgresState): PostgresState {
  switch (view.kind) {
    case 'absent':
      return creating ? { kind: 'creating', how: creating } : { kind: 'absent' };
    case 'broken':
      return { kind: 'creating', how: creating ?? 'rewind' };
    case 'stopped':
      if (creating) return { kind: 'creating', how: creating };
      return { kind: 'stopped', how: view.how, clean: view.clean, checkpointLsn: view.checkpointLsn };
    case 'starting':
      return { kind: 'starting' };
    case 'stopping':
      return last;
    case 'unresponsive':
      return { kind: 'unresponsive' };
    case 'primary':
      return {
        kind: 'primary',
        flushLsn: view.flushLsn,
        endOfRecoveryLsn: view.endOfRecoveryLsn,
        sync: view.sync,
        standbys: view.standbys,
        checkpointTimeline: view.checkpointTimeline,
        activeTransactions: view.activeTransactions,
      };
    case 'standby':
      return {
        kind: 'standby',
        receiveLsn: view.receiveLsn,
        replayLsn: view.replayLsn,
        streaming: view.walReceiver === 'streaming',
      };
  }
}
