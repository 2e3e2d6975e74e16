// What each Envoy has accepted and refused, in the API's words. Pure.
import type { ProxyState, TypeStatus } from '../../xds/index.ts';
import type { ProxyStatus, ProxyTypeStatus } from '../api/proxy-schema.ts';
import { SHORT_NAMES, shortName, USUAL_TYPES } from './type-names.ts';

/** What is looked at of a stream. */
export type ProxyStream = Pick<ProxyState, 'node' | 'connectedSince' | 'types'>;

/**
 * @param expected node ids of proxies that belong to a cluster, connected or not
 * @param now wall clock, ms since 1970
 */
export function proxyStates(proxies: readonly ProxyStream[], expected: readonly string[], now: number): ProxyStatus[] {
  const byNode = new Map<string, ProxyStream[]>(expected.map((id) => [id, []]));
  for (const proxy of proxies) {
    const streams = byNode.get(proxy.node);
    if (streams) streams.push(proxy);
    else byNode.set(proxy.node, [proxy]);
  }
  return [...byNode].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, streams]) => proxyState(id, streams, now));
}

/** A proxy may use a stream for each type; of two for the same type the later one is the living one. */
function proxyState(id: string, streams: readonly ProxyStream[], now: number): ProxyStatus {
  if (streams.length === 0) return { id, connected: false, connectedSince: null, types: [] };
  const asked = new Map(streams.flatMap(({ types }) => types.map((status) => [status.type, status] as const)));
  const order: readonly string[] = [...SHORT_NAMES.keys()];
  const types = [...new Set<string>([...USUAL_TYPES, ...asked.keys()])].sort(
    (a, b) => order.indexOf(a) - order.indexOf(b),
  );
  const byType: ReadonlyMap<string, TypeStatus> = asked;
  return {
    id,
    connected: true,
    connectedSince: Math.min(...streams.map(({ connectedSince }) => connectedSince)),
    types: types.map((type) => typeState(type, byType.get(type), now)),
  };
}

function typeState(type: string, status: TypeStatus | undefined, now: number): ProxyTypeStatus {
  const named = { type, shortName: shortName(type) };
  if (!status) {
    return { ...named, state: 'NOT SENT', sinceMs: null, requestedAt: null, sent: null, acked: null, nacked: null };
  }
  const { requestedAt, sent, acked, nacked } = status;
  const [state, since] = syncState(status);
  return {
    ...named,
    state,
    // A wall clock can be set back.
    sinceMs: Math.max(0, now - since),
    requestedAt,
    sent,
    acked,
    nacked: nacked && { ...nacked, resources: [...nacked.resources] },
  };
}

/** The state, and when it began. */
function syncState({ requestedAt, pending, sent, acked, nacked }: TypeStatus): [ProxyTypeStatus['state'], number] {
  if (nacked) return ['NACK', nacked.at];
  if (pending && sent) return ['STALE', sent.at];
  if (acked) return ['SYNCED', acked.at];
  return ['NOT SENT', requestedAt];
}
