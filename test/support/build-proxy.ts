// Proxies as the API tells of them: all well, unless a test says otherwise.
import type { ProxyStatus, ProxyTypeStatus } from '../../control-plane/api/contract.ts';

const LISTENER_TYPE = 'type.googleapis.com/envoy.config.listener.v3.Listener';

export function buildTypeStatus(change: Partial<ProxyTypeStatus> = {}): ProxyTypeStatus {
  const mark = { version: 'v1', at: 1000 };
  const type = { type: LISTENER_TYPE, shortName: 'LDS', state: 'SYNCED' as const, sinceMs: 5000, requestedAt: 500 };
  return { ...type, sent: mark, acked: mark, nacked: null, ...change };
}

/** It refused the listener `rw.orders` in these words. */
export function buildRefusal(error: string): ProxyTypeStatus {
  const nacked = { version: 'v2', error, resources: ['rw.orders'], at: 2000 };
  return buildTypeStatus({ state: 'NACK', sinceMs: 4000, nacked });
}

export function buildProxy(id: string, ...types: ProxyTypeStatus[]): ProxyStatus {
  return { id, connected: true, connectedSince: 400, types };
}
