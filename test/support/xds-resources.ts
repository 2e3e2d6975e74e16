/** Small resources for tests of discovery. */
import type { JsonObject } from '../../proto/json.ts';

/** An EnvoyCluster that gets its endpoints, of the same name, over the same stream. */
export function edsCluster(name: string, changes: JsonObject = {}): JsonObject {
  const eds = { eds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' } };
  return { name, type: 'EDS', connect_timeout: '1s', eds_cluster_config: eds, ...changes };
}

export function endpoints(name: string, ...ports: number[]): JsonObject {
  const lbEndpoints = ports.map((port) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
  }));
  return { cluster_name: name, endpoints: [{ lb_endpoints: lbEndpoints }] };
}

export function tcpListener(name: string, port: number, to: string, changes: JsonObject = {}): JsonObject {
  const proxy = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: name,
    cluster: to,
  };
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: proxy }] }],
    ...changes,
  };
}
