/** When PostgreSQL lets only Howdah's own roles in. Pure. */
import type { LeadGoal } from '../control-plane/model/goal.ts';
import type { Override, PrimaryView, ServerView } from './observe/observed.ts';

/** As many standbys as a commit waits for have flushed what the primary showed when its recovery ended. */
export function isRecoveryHeld({ sync }: LeadGoal, { standbys, endOfRecoveryLsn }: PrimaryView): boolean {
  const holders = standbys.filter(({ name, flushLsn }) => sync.voters.includes(name) && flushLsn >= endOfRecoveryLsn);
  return holders.length >= sync.k;
}

/**
 * What was started to lead shows what crash recovery brought back: it opens when the control plane lets clients in and
 * enough standbys hold it. Both, because the control plane can have heard of the run before this one. What ran before it
 * was told to lead is open: no proxy leads anybody to it in this epoch yet.
 */
export function staysClosed(goal: LeadGoal, server: ServerView): boolean {
  switch (server.kind) {
    case 'stopped':
      return true;
    case 'starting':
      return server.override.closed;
    case 'standby':
      return server.written.closed;
    case 'primary':
      return server.written.closed && (goal.start || !isRecoveryHeld(goal, server));
    case 'absent':
    case 'broken':
    case 'stopping':
    case 'unresponsive':
      return false;
  }
}

/** What starts may become a primary, from a goal of before: it lets in nobody whom it did not let in when it began. */
export function whileStarting(wanted: Override, { closed }: Override): Override {
  return { ...wanted, closed };
}
