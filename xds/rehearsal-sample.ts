/** What the proxies of a rehearsal have where nobody says otherwise. Pure. */
import type { JsonObject } from '../proto/json.ts';
import { buildSnapshot, changeSnapshot, type Snapshot } from './snapshot.ts';

const NAMES = ['first', 'second', 'third', 'fourth'];

/** With each change the endpoints of one cluster are others. */
export function sampleSnapshot(change: number, before: Snapshot | undefined): Snapshot {
  if (before) return changeSnapshot(before, { endpoints: [assignment(NAMES[0] ?? '', change)] });
  return buildSnapshot({
    clusters: NAMES.map(cluster),
    endpoints: NAMES.map((name) => assignment(name, change)),
    listeners: NAMES.map(listener),
  });
}

function cluster(name: string): JsonObject {
  const source = { ads: {}, resource_api_version: 'V3' };
  return { name, type: 'EDS', connect_timeout: '1s', eds_cluster_config: { eds_config: source } };
}

function assignment(name: string, change: number): JsonObject {
  const hosts = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
  const lb_endpoints = hosts.map((host, index) => ({
    endpoint: {
      address: { socket_address: { address: host, port_value: 5432 } },
      health_check_config: { port_value: 8008 },
      hostname: `${name}-${index}-${change}`,
    },
    load_balancing_weight: 2,
  }));
  return { cluster_name: name, endpoints: [{ locality: { zone: 'zone' }, lb_endpoints }] };
}

const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

function listener(name: string, index: number): JsonObject {
  const proxy = { '@type': TCP_PROXY, stat_prefix: name, cluster: name };
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: 5432 + index } },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: proxy }] }],
  };
}
