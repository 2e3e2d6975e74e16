// The names of resources. Whatever carries an epoch here is a fence: see routeClusterName.
import type { RouteIr, RouteKind } from './ir.ts';

/** EnvoyCluster of the PostgreSQL beside the proxy. */
export const LOCAL_CLUSTER = 'local';

/** Listener for reads and replication that come from other proxies. */
export const MESH_LISTENER = 'mesh';

/** `rw.orders`: the same for every epoch, so that a new epoch changes a listener and does not make another. */
export function listenerName(route: Pick<RouteIr, 'kind' | 'cluster'>): string {
  return `${route.kind}.${route.cluster}`;
}

/**
 * `e42.rw.orders`, `e42.replication.orders`, `ro.orders`, `any.orders`: name of the EnvoyCluster and of its endpoints.
 * The epoch makes the listener's filter chain differ from that of the epoch before, and with it end its sessions: a
 * change of the endpoints alone, or the removal of the EnvoyCluster, would leave them where they are. A removed
 * EnvoyCluster even takes its health checks along (measured with Envoy 1.40): it must leave after the listener.
 */
export function routeClusterName(route: Pick<RouteIr, 'kind' | 'cluster' | 'epoch'>): string {
  return carriesEpoch(route.kind) ? `e${route.epoch}.${listenerName(route)}` : listenerName(route);
}

/** `mesh-rw.e42`: the listener for writes from other proxies while this instance is the primary of that epoch. */
export function meshRwListenerName(epoch: number): string {
  return `mesh-rw.e${epoch}`;
}

/** The epoch in the name of a listener for writes; undefined for other names. */
export function parseMeshRwListener(name: string): number | undefined {
  const match = /^mesh-rw\.e(\d+)$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** The epoch in the name of an EnvoyCluster; undefined for names that carry none. */
export function parseRouteCluster(name: string): number | undefined {
  const match = /^e(\d+)\./.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** rw and replication go to one instance, the primary of an epoch; ro and any outlive a change of primary. */
export function carriesEpoch(kind: RouteKind): boolean {
  return kind === 'rw' || kind === 'replication';
}
