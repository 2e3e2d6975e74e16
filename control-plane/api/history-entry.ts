// One decision as it is told. Pure.
import type { HistoryEntry } from '../model/cluster-record.ts';
import type { HistoryEntryStatus } from './contract.ts';

export function historyEntry({ change, ...entry }: HistoryEntry): HistoryEntryStatus {
  if (!change) return entry;
  return { ...entry, change: { ...change, phases: change.phases.map((phase) => ({ ...phase })) } };
}
