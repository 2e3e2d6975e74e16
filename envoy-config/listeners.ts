// Listeners: one for each route, for local clients, and those that other proxies connect to.

import type { JsonObject } from '../proto/json.ts';
import { any } from './any.ts';
import type { LocalInstanceIr, RouteIr } from './ir.ts';
import { CONNECTION_BUFFER_BYTES, DOWNSTREAM_KEEPALIVE, READ_CONNECT_ATTEMPTS } from './limits.ts';
import { carriesEpoch, LOCAL_CLUSTER, listenerName, routeClusterName } from './names.ts';
import { meshPorts } from './transport.ts';

/**
 * The epoch is in the tcp_proxy's cluster and nowhere else, so a new epoch changes the filter chain alone: Envoy keeps
 * the listening socket, drains that chain, and with a drain time of 0 ends its sessions at once.
 */
export function routeListener(route: RouteIr): JsonObject {
  const name = listenerName(route);
  const attempts = carriesEpoch(route.kind) ? {} : { max_connect_attempts: READ_CONNECT_ATTEMPTS };
  return listener(name, route.bind.host, route.bind.port, tcpProxy(name, routeClusterName(route), attempts));
}

export function meshListeners(local: LocalInstanceIr): JsonObject[] {
  return meshPorts(local).map(({ name, port }) => listener(name, local.host, port, tcpProxy(name, LOCAL_CLUSTER)));
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto */
function listener(name: string, host: string, port: number, filter: JsonObject): JsonObject {
  return {
    name,
    stat_prefix: name,
    address: { socket_address: { address: host, port_value: port } },
    filter_chains: [{ filters: [filter] }],
    per_connection_buffer_limit_bytes: CONNECTION_BUFFER_BYTES,
    // With SO_REUSEPORT a second Envoy of the same user would share a port that is taken, and nobody would be told. So
    // the listener is refused (and not tried again until it is sent again), and the others open.
    enable_reuse_port: false,
    // Sessions are few and long, so the workers share them evenly when they arrive.
    connection_balance_config: { exact_balance: {} },
    socket_options: DOWNSTREAM_KEEPALIVE,
  };
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto */
function tcpProxy(name: string, cluster: string, options: JsonObject = {}): JsonObject {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: name,
      cluster,
      // Off: database sessions may idle for as long as they like.
      idle_timeout: '0s',
      ...options,
    }),
  };
}
