/** What each Envoy was sent and what it said to that, as tables. */
import type { ProxyStatus, ProxyTypeStatus, SyncState } from '../../control-plane/api/contract.ts';
import type { Colors } from './colors.ts';
import { formatFields, formatTable } from './table.ts';
import { formatDuration, formatTime } from './units.ts';

/** One line a proxy, one column a type. */
export function proxyTable(proxies: readonly ProxyStatus[], colors: Colors): string {
  if (proxies.length === 0) return 'no proxies';
  const shortNames = [...new Set(proxies.flatMap(({ types }) => types.map(({ shortName }) => shortName)))];
  const cells = (proxy: ProxyStatus) => {
    if (!proxy.connected) return [colors.yellow('not connected')];
    return shortNames.map((name) => {
      const found = proxy.types.find(({ shortName }) => shortName === name);
      return found ? typeCell(found, colors) : '-';
    });
  };
  // Without a type there would be no column to say that nobody is connected.
  const titles = shortNames.length === 0 ? ['STATE'] : shortNames;
  const table = formatTable(
    [{ title: 'PROXY' }, ...titles.map((title) => ({ title }))],
    proxies.map((proxy) => [proxy.id, ...cells(proxy)]),
  );
  const refusals = proxies.flatMap((proxy) => refusalLines(proxy, colors));
  return [table, ...(refusals.length === 0 ? [] : ['', ...refusals])].join('\n');
}

/** Everything about one. */
export function proxyDescription(proxy: ProxyStatus, colors: Colors): string {
  const since = proxy.connectedSince === null ? '' : ` since ${formatTime(proxy.connectedSince)}`;
  const fields = formatFields([
    ['Proxy', colors.bold(proxy.id)],
    ['Connected', proxy.connected ? `yes${since}` : colors.yellow('no')],
  ]);
  if (proxy.types.length === 0) return fields;
  const table = formatTable(
    ['TYPE', 'STATE', 'SINCE', 'SENT', 'ACKNOWLEDGED', 'REFUSED'].map((title) => ({ title })),
    proxy.types.map((type) => [
      type.shortName,
      stateText(type.state, colors),
      sinceText(type),
      type.sent?.version ?? '-',
      type.acked?.version ?? '-',
      type.nacked?.version ?? '-',
    ]),
  );
  const refusals = refusalLines(proxy, colors);
  return [fields, '', table, ...(refusals.length === 0 ? [] : ['', ...refusals])].join('\n');
}

export function stateText(state: SyncState, colors: Colors): string {
  switch (state) {
    case 'SYNCED':
      return colors.green(state);
    case 'STALE':
      return colors.yellow(state);
    case 'NACK':
      return colors.red(state);
    case 'NOT SENT':
      return colors.dim(state);
  }
}

function typeCell(type: ProxyTypeStatus, colors: Colors): string {
  const state = stateText(type.state, colors);
  return type.sinceMs === null ? state : `${state} ${sinceText(type)}`;
}

function sinceText({ sinceMs }: ProxyTypeStatus): string {
  return sinceMs === null ? '-' : formatDuration(sinceMs);
}

function refusalLines({ id, types }: ProxyStatus, colors: Colors): string[] {
  return types.flatMap((type) => {
    const { shortName, nacked } = type;
    if (!nacked) return [];
    const what = `refused ${nacked.resources.join(', ')} for ${sinceText(type)}`;
    return [`${colors.red('!')} ${id} ${shortName}: ${what}, the last accepted goes on: ${nacked.error}`];
  });
}
