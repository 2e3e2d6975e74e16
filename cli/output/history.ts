/** Decisions as a table. */
import type { HistoryEntryStatus } from '../../control-plane/api/contract.ts';
import type { Colors } from './colors.ts';
import { formatTable } from './table.ts';
import { formatTime } from './units.ts';

export function historyTable(entries: readonly HistoryEntryStatus[], colors: Colors): string {
  if (entries.length === 0) return 'nothing was decided yet';
  return formatTable(
    [{ title: 'TIME' }, { title: 'EPOCH', align: 'right' }, { title: 'KIND' }, { title: 'REASON' }],
    entries.map((entry) => [
      colors.dim(formatTime(entry.at)),
      String(entry.epoch),
      colors.bold(entry.kind),
      entry.reason,
    ]),
  );
}
