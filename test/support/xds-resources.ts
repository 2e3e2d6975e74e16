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

/** A listener whose routes, of the same name, come over the same stream. */
export function httpListener(name: string, port: number, routes: string, changes: JsonObject = {}): JsonObject {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: httpManager(routes) }] }],
    ...changes,
  };
}

/** For a gRPC client: it opens no port. */
export function apiListener(name: string, routes: string): JsonObject {
  return { name, api_listener: { api_listener: httpManager(routes) } };
}

function httpManager(routes: string): JsonObject {
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'http',
    rds: { config_source: { ads: {}, resource_api_version: 'V3' }, route_config_name: routes },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
}

/** All requests go to one EnvoyCluster. */
export function httpRoutes(name: string, to: string, changes: JsonObject = {}): JsonObject {
  const routes = [{ match: { prefix: '' }, route: { cluster: to } }];
  return { name, virtual_hosts: [{ name, domains: ['*'], routes }], ...changes };
}

export function tlsSecret(name: string, content: string): JsonObject {
  const certificate = { inline_string: content };
  return { name, tls_certificate: { certificate_chain: certificate, private_key: { inline_string: 'key' } } };
}

export function runtimeLayer(name: string, layer: JsonObject): JsonObject {
  return { name, layer };
}

/** An extension that is found later: its content is any message. */
export function extensionConfig(name: string, value: string): JsonObject {
  return { name, typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value } };
}
