/** Decisions as a table, and changes of primary with the time that each phase took. */
import type { HistoryEntryStatus } from '../../control-plane/api/contract.ts';
import { tookMs, totalMs } from '../../control-plane/model/change-times.ts';
import { CHANGE_PHASES } from '../../control-plane/model/cluster-record.ts';
import type { Colors } from './colors.ts';
import { formatTable } from './table.ts';
import { formatDuration, formatTime } from './units.ts';

type Change = NonNullable<HistoryEntryStatus['change']>;

export function historyTable(entries: readonly HistoryEntryStatus[], colors: Colors): string {
  if (entries.length === 0) return 'nothing was decided yet';
  return formatTable(
    [{ title: 'TIME' }, { title: 'EPOCH', align: 'right' }, { title: 'KIND' }, { title: 'REASON' }],
    entries.map((entry) => [
      colors.dim(formatTime(entry.at)),
      String(entry.epoch),
      colors.bold(entry.kind),
      entry.change ? `${entry.reason}; ${summary(entry.change)}` : entry.reason,
    ]),
  );
}

/** A line for each change of primary, and each restart in its place, that was seen from its begin to its end. */
export function changesTable(entries: readonly HistoryEntryStatus[], colors: Colors): string {
  const rows = entries.flatMap(({ at, epoch, change }) => (change ? [{ at, epoch, change }] : []));
  if (rows.length === 0) return 'no failover, switchover or restart of a primary was seen yet';
  const shown = CHANGE_PHASES.filter((name) => rows.some(({ change }) => tookMs(change, name) !== undefined));
  return formatTable(
    [
      ...['TIME', 'EPOCH', 'CAUSE', 'FROM', 'TO'].map((title) => ({ title })),
      ...[...shown, 'total'].map((name) => ({ title: name.toUpperCase(), align: 'right' as const })),
    ],
    rows.map(({ at, epoch, change }) => [
      colors.dim(formatTime(at)),
      String(epoch),
      colors.bold(change.cause),
      change.from,
      change.to,
      ...shown.map((name) => cell(tookMs(change, name))),
      cell(totalMs(change)),
    ]),
  );
}

function summary(change: Change): string {
  const what = change.cause === 'restart' ? `restart of ${change.from}` : `${change.cause} from ${change.from}`;
  return `${what} in ${formatDuration(totalMs(change))}`;
}

function cell(ms: number | undefined): string {
  return ms === undefined ? '-' : formatDuration(ms);
}
