/** Decisions and proxies as tables. */
import type { HistoryEntryStatus, ProxyStatus } from '../../control-plane/api/contract.ts';
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

export function proxyTable(proxies: readonly ProxyStatus[], colors: Colors): string {
  if (proxies.length === 0) return 'no proxies';
  const rows = proxies.flatMap((proxy) => proxy.types.map((type) => [proxy, type] as const));
  const silent = proxies.filter((proxy) => proxy.types.length === 0);
  const table = formatTable(
    [{ title: 'PROXY' }, { title: 'CONNECTED' }, { title: 'TYPE' }, { title: 'SENT' }, { title: 'STATE' }],
    [
      ...rows.map(([proxy, type]) => [
        proxy.id,
        connectedCell(proxy, colors),
        type.type.slice(type.type.lastIndexOf('.') + 1),
        type.sent === '' ? '-' : type.sent.slice(0, 12),
        typeState(type, colors),
      ]),
      ...silent.map((proxy) => [proxy.id, connectedCell(proxy, colors), '-', '-', '-']),
    ],
  );
  const refusals = rows
    .filter(([, type]) => type.nacked !== null)
    .map(
      ([proxy, type]) =>
        `${colors.red('!')} ${proxy.id} refused version ${type.nacked?.version}: ${type.nacked?.error}`,
    );
  return [table, ...(refusals.length === 0 ? [] : ['', ...refusals])].join('\n');
}

function connectedCell(proxy: ProxyStatus, colors: Colors): string {
  return proxy.connected ? 'yes' : colors.yellow('no');
}

function typeState(type: ProxyStatus['types'][number], colors: Colors): string {
  if (type.nacked !== null) return colors.red('refused, the last good goes on');
  if (type.sent === '') return '-';
  return type.acked === type.sent ? colors.green('accepted') : colors.yellow('waiting for the answer');
}
