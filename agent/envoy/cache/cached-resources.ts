/** What an Envoy may be started with from a cache, whose time may be over. Pure. */
import { parseMeshRwListener, parseRouteCluster } from '../../../envoy-config/names.ts';
import type { JsonObject } from '../../../proto/json.ts';

/** Resources as the control plane sent them, by type, each sorted by name. */
export interface CachedResources {
  readonly clusters: readonly JsonObject[];
  readonly endpoints: readonly JsonObject[];
  readonly listeners: readonly JsonObject[];
}

/** What the agent beside an instance's Envoy knows for certain now. */
export interface Standing {
  /** On its disk. */
  readonly promisedEpoch: number;
  /** PostgreSQL is the primary of this epoch and its agent holds the lease; 0 = it is not. */
  readonly writableEpoch: number;
}

/**
 * The cache without what an instance may not do any more:
 * - the port for writes is open only while the instance is the primary of just that epoch, and holds its lease;
 * - routes for writes and replication lead nowhere in an epoch below the promise, as in the phase `fencing`.
 * What is left is safe however old it is: routes carry their epoch, so that a primary of another one refuses them.
 */
export function permitted(cached: CachedResources, { promisedEpoch, writableEpoch }: Standing): CachedResources {
  return {
    clusters: cached.clusters,
    endpoints: cached.endpoints.map((assignment) => {
      const epoch = parseRouteCluster(String(assignment.cluster_name));
      return epoch !== undefined && epoch < promisedEpoch ? { cluster_name: assignment.cluster_name } : assignment;
    }),
    listeners: cached.listeners.filter(({ name }) => {
      const epoch = parseMeshRwListener(String(name));
      return epoch === undefined || (epoch === writableEpoch && epoch >= promisedEpoch);
    }),
  };
}
