/**
 * Settings that only a restart brings into force: a rolling restart by itself, as soon as every instance has read the
 * new file. Writes are out for one switchover only, but where a setting falls that a standby must not have less of than
 * its primary: then the primary has to begin, and is restarted in its place.
 */
import { instanceNames } from '../model/cluster-spec.ts';
import { isFenced } from '../model/operations.ts';
import { type PendingRestart, STANDBY_FLOORS } from '../model/settings.ts';
import { type Decision, move, stay } from './decision.ts';
import { settingsFor } from './settings.ts';
import { type ClusterState, liveReport } from './state.ts';

/** null = all settings are in force, or somebody has not read them yet. */
export function decideSettings(state: ClusterState, primary: string): Decision | null {
  const { record } = state;
  const { operations, spec } = record;
  if (operations.rolling || operations.restarts.length > 0) return null;
  const names = instanceNames(spec).filter((name) => !isFenced(operations, name));
  const pending = new Map(names.map((name) => [name, liveReport(state, name)?.settings?.pendingRestart ?? []]));
  if ([...pending.values()].every((list) => list.length === 0)) return null;
  const unread = names.filter(
    (name) => liveReport(state, name)?.settings?.version !== settingsFor(record, name).version,
  );
  if (unread.length > 0) return stay(`new settings need a restart, once ${unread.join(', ')} read them too`);
  const own = pending.get(primary) ?? [];
  const lowered = own.filter(falls);
  const standbys = names.filter((name) => name !== primary && pending.get(name)!.some((one) => helps(one, own)));
  if (standbys.length === 0 && lowered.length > 0) {
    const why = `${list(lowered)} may not be less on a standby than on the primary: ${primary} is restarted first`;
    return move(state, 'settings', why, {
      operations: { ...operations, restarts: [{ instance: primary, stage: 'stop' }] },
    });
  }
  const moves = own.length > 0 && lowered.length === 0;
  const due = [...standbys, ...(moves ? [primary] : [])];
  if (due.length === 0) return null;
  const why = `new settings: ${list(due.flatMap((name) => pending.get(name)!))}`;
  return move(state, 'settings', `${due.join(', ')} must be restarted for ${why}`, {
    operations: { ...operations, rolling: { why, waitMs: 0, done: names.filter((name) => !due.includes(name)) } },
  });
}

function falls({ name, running, wanted }: PendingRestart): boolean {
  return STANDBY_FLOORS.includes(name) && Number(wanted) < Number(running);
}

/** A standby that starts again keeps what the primary has more of: a restart would change nothing. */
function helps(one: PendingRestart, primary: readonly PendingRestart[]): boolean {
  return !primary.some((other) => other.name === one.name && falls(other));
}

function list(pending: readonly PendingRestart[]): string {
  return [...new Set(pending.map(({ name }) => name))].join(', ');
}
