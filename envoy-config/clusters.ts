// EnvoyClusters: one for each route, with its endpoints over ADS, and one for the PostgreSQL beside the proxy.

import type { JsonObject } from '../proto/json.ts';
import { healthChecking } from './health-checks.ts';
import type { LocalInstanceIr, RouteIr } from './ir.ts';
import {
  CIRCUIT_BREAKERS,
  CONNECT_TIMEOUT,
  CONNECTION_BUFFER_BYTES,
  REPLICATION_CONNECT_TIMEOUT,
  UPSTREAM_KEEPALIVE,
} from './limits.ts';
import { carriesEpoch, LOCAL_CLUSTER, routeClusterName } from './names.ts';
import { upstreamTransport } from './transport.ts';

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto */
export function routeCluster(route: RouteIr): JsonObject {
  return {
    name: routeClusterName(route),
    type: 'EDS',
    eds_cluster_config: {
      // Warming ends without endpoints after this time; rw is then closed, which is the safe side.
      eds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '2s' },
    },
    ...COMMON,
    ...(route.kind === 'replication' ? { connect_timeout: REPLICATION_CONNECT_TIMEOUT } : {}),
    ...(carriesEpoch(route.kind) ? {} : { lb_policy: 'LEAST_REQUEST' }),
    common_lb_config: BALANCING,
    ...healthChecking(route),
    upstream_connection_options: { tcp_keepalive: UPSTREAM_KEEPALIVE },
    ...upstreamTransport(),
  };
}

/** PostgreSQL on its unix socket. Not checked: it answers for itself, and its agent's word is at the other end. */
export function localCluster(local: LocalInstanceIr): JsonObject {
  return {
    name: LOCAL_CLUSTER,
    type: 'STATIC',
    ...COMMON,
    load_assignment: {
      cluster_name: LOCAL_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: local.socketPath } } } }] }],
    },
  };
}

const COMMON: JsonObject = {
  connect_timeout: CONNECT_TIMEOUT,
  per_connection_buffer_limit_bytes: CONNECTION_BUFFER_BYTES,
  circuit_breakers: CIRCUIT_BREAKERS,
};

const BALANCING: JsonObject = {
  // With no healthy host Envoy would otherwise use all hosts: writes to one that said it is no primary.
  healthy_panic_threshold: { value: 0 },
  // Envoy collects changes of health and weight for 1000 ms after the last change of hosts: a new primary took its first
  // session 1003 ms after its endpoint arrived, and takes it after 5 ms without the window (measured with Envoy 1.40).
  update_merge_window: '0s',
};
