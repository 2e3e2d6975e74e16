/** What happened to a cluster between two of its states, in sentences. Pure. */
import { type ClusterState, observed } from '../manager/state.ts';
import { memberNames } from '../model/cluster-record.ts';
import type { PostgresState } from '../model/instance.ts';

export interface ClusterEvent {
  readonly cluster: string;
  readonly epoch: number;
  /** A decision's kind, as in the history; or `agent`, `postgres` of an instance. */
  readonly kind: string;
  /** '' = the cluster itself. */
  readonly instance: string;
  readonly message: string;
}

/** `before`: null = the first that is seen of it; then only what is, not what was. */
export function eventsBetween(before: ClusterState | null, after: ClusterState): ClusterEvent[] {
  return [...decisions(before, after), ...memberNames(after.record).flatMap((name) => changes(before, after, name))];
}

function decisions(before: ClusterState | null, { record }: ClusterState): ClusterEvent[] {
  if (!before || before.record.history === record.history) return [];
  const last = before.record.history.at(-1);
  const from = last ? record.history.findLastIndex(({ at, reason }) => at === last.at && reason === last.reason) : -1;
  return record.history.slice(from + 1).map(({ epoch, kind, reason }) => ({
    ...{ cluster: record.spec.name, epoch, kind, instance: '', message: reason },
  }));
}

function changes(before: ClusterState | null, after: ClusterState, instance: string): ClusterEvent[] {
  const was = before && observed(before, instance);
  const is = observed(after, instance);
  if (was === is) return [];
  const { spec, epoch } = after.record;
  const event = (kind: string, message: string) => ({ cluster: spec.name, epoch, kind, instance, message });
  const found: ClusterEvent[] = [];
  if (is.link.kind !== (was?.link.kind ?? 'unseen')) {
    found.push(event('agent', is.link.kind === 'up' ? 'its agent connected' : 'its agent is gone'));
  }
  const now = is.report && inWords(is.report.postgres);
  const then = was?.report && inWords(was.report.postgres);
  if (now && now !== then) found.push(event('postgres', now));
  return found;
}

function inWords(postgres: PostgresState): string {
  switch (postgres.kind) {
    case 'absent':
      return 'it has no data directory';
    case 'creating':
      return `its data directory is being made by ${postgres.how}`;
    case 'stopped':
      return postgres.how === 'crashed' ? 'PostgreSQL died' : 'PostgreSQL is stopped';
    case 'starting':
      return 'PostgreSQL is starting';
    case 'unresponsive':
      return 'PostgreSQL does not answer';
    case 'primary':
      return 'PostgreSQL is primary';
    case 'standby':
      return postgres.streaming ? 'PostgreSQL is a standby that streams' : 'PostgreSQL is a standby without a stream';
  }
}
