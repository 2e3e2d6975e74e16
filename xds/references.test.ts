import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../proto/json.ts';
import { edsCluster, endpoints, tcpListener } from '../test/support/xds-resources.ts';
import { InvalidSnapshot } from './problems.ts';
import {
  buildSnapshot,
  changeSnapshot,
  EMPTY_SNAPSHOT,
  type ExternalClusters,
  type SnapshotInput,
} from './snapshot.ts';

const ADS = { ads: {}, resource_api_version: 'V3' };

const any = (type: string, fields: JsonObject) => ({ '@type': `type.googleapis.com/envoy.${type}`, ...fields });

function listener(name: string, port: number, filters: JsonObject[], chain: JsonObject = {}): JsonObject {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters, ...chain }],
  };
}

function tcp(fields: JsonObject): JsonObject {
  return {
    name: 'tcp',
    typed_config: any('extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'x', ...fields }),
  };
}

function http(fields: JsonObject): JsonObject {
  const manager = 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  return { name: 'http', typed_config: any(manager, { stat_prefix: 'x', ...fields }) };
}

function tls(fields: JsonObject): JsonObject {
  const context = any('extensions.transport_sockets.tls.v3.DownstreamTlsContext', { common_tls_context: fields });
  return { transport_socket: { name: 'tls', typed_config: context } };
}

/** What is wrong, one line each: resource, path and message. */
function wrong(input: SnapshotInput, external?: ExternalClusters): string[] {
  try {
    buildSnapshot(input, external);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidSnapshot)) throw error;
    return error.problems.map(({ resource, path, message }) => `${resource} ${path}: ${message}`);
  }
}

const there = { clusters: [edsCluster('a')], endpoints: [endpoints('a', 1)] };
const FILTER = '$.filter_chains[0].filters[0].typed_config';

describe('a snapshot', () => {
  it('has every cluster that a TCP proxy names, one or weighted', () => {
    const weighted = { weighted_clusters: { clusters: ['a', 'b'].map((name) => ({ name, weight: 1 })) } };
    expect(wrong({ ...there, listeners: [listener('l', 1, [tcp({ cluster: 'a' })])] })).toEqual([]);
    expect(wrong({ ...there, listeners: [listener('l', 1, [tcp({ cluster: 'b' })])] })).toEqual([
      `l ${FILTER}.cluster: there is no cluster named b`,
    ]);
    expect(wrong({ ...there, listeners: [listener('l', 1, [tcp(weighted)])] })).toEqual([
      `l ${FILTER}.weighted_clusters.clusters[1].name: there is no cluster named b`,
    ]);
  });

  it('has every cluster that routes name, in a listener or by themselves', () => {
    const routes = (name: string) => ({
      name,
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            { match: { prefix: '/a' }, route: { cluster: 'a', request_mirror_policies: [{ cluster: 'm' }] } },
            { match: { prefix: '/h' }, route: { cluster_header: 'x-to' } },
            { match: { prefix: '/' }, route: { weighted_clusters: { clusters: [{ name: 'w', weight: 1 }] } } },
          ],
        },
      ],
    });
    const at = 'virtual_hosts[0].routes';
    expect(wrong({ ...there, listeners: [listener('l', 1, [http({ route_config: routes('r') })])] })).toEqual([
      `l ${FILTER}.route_config.${at}[0].route.request_mirror_policies[0].cluster: there is no cluster named m`,
      `l ${FILTER}.route_config.${at}[2].route.weighted_clusters.clusters[0].name: there is no cluster named w`,
    ]);
    expect(wrong({ ...there, routes: [routes('r')] })).toHaveLength(2);
    expect(wrong({ ...there, routes: [routes('r')] }, ['m', 'w'])).toEqual([]);
  });

  it('has every cluster that a gRPC service is at, but those that are declared to be elsewhere', () => {
    const log = any('extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', {
      common_config: {
        log_name: 'x',
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: 'control-plane' } },
      },
    });
    const logged = listener('l', 1, [tcp({ cluster: 'a', access_log: [{ name: 'log', typed_config: log }] })]);
    expect(wrong({ ...there, listeners: [logged] })).toHaveLength(1);
    expect(wrong({ ...there, listeners: [logged] }, ['control-plane'])).toEqual([]);
    expect(wrong({ listeners: [logged] }, 'any')).toEqual([]);
  });

  it('has routes and secrets that are named, once it has any', () => {
    const rds = http({ rds: { config_source: ADS, route_config_name: 'r' } });
    const secured = tls({ tls_certificate_sds_secret_configs: [{ name: 's', sds_config: ADS }] });
    const listeners = [listener('l', 1, [rds], secured)];
    expect(wrong({ listeners })).toEqual([]);
    const chain = '$.filter_chains[0]';
    expect(wrong({ listeners, routes: [{ name: 'q' }], secrets: [{ name: 't' }] })).toEqual([
      `l ${FILTER}.rds.route_config_name: there is no route configuration named r`,
      `l ${chain}.transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name: there is no secret named s`,
    ]);
    expect(wrong({ listeners, routes: [{ name: 'r' }], secrets: [{ name: 's' }] })).toEqual([]);
    const fromFile = { path_config_source: { path: '/secret.yaml' } };
    const other = tls({ tls_certificate_sds_secret_configs: [{ name: 's', sds_config: fromFile }] });
    expect(
      wrong({ ...there, listeners: [listener('l', 1, [tcp({ cluster: 'a' })], other)], secrets: [{ name: 't' }] }),
    ).toEqual([]);
  });

  it('has the endpoints of every cluster that waits for them', () => {
    const service = edsCluster('c', { eds_cluster_config: { eds_config: ADS, service_name: 'b' } });
    expect(wrong({ ...there, clusters: [edsCluster('a'), service] })).toEqual([
      'c $.eds_cluster_config: there are no endpoints named b',
    ]);
    const file = edsCluster('c', { eds_cluster_config: { eds_config: { path_config_source: { path: '/x' } } } });
    expect(wrong({ ...there, clusters: [edsCluster('a'), file] })).toEqual([]);
  });

  it('has one listener at an address', () => {
    const at = (name: string, port: number, more: JsonObject = {}) => ({ ...tcpListener(name, port, 'a'), ...more });
    const additional = {
      additional_addresses: [{ address: { socket_address: { address: '127.0.0.1', port_value: 2 } } }],
    };
    expect(wrong({ ...there, listeners: [at('l', 1), at('m', 1), at('n', 0), at('o', 0)] })).toEqual([
      'm $.address: l already listens at 127.0.0.1:1',
    ]);
    expect(wrong({ ...there, listeners: [at('l', 1, additional), at('m', 2)] })).toHaveLength(1);
    const pipe = (name: string) => at(name, 1, { address: { pipe: { path: '/run/x' } } });
    expect(wrong({ ...there, listeners: [pipe('l'), pipe('m')] })).toHaveLength(1);
  });

  it('tells everything that is wrong in one error, and what is wrong with a resource only there', () => {
    const input = {
      clusters: [edsCluster('a', { connect_timeout: '0s', nonsense: 1 }), edsCluster('b')],
      endpoints: [endpoints('a', 1, 70_000), endpoints('a', 1)],
      listeners: [tcpListener('l', 1, 'a'), tcpListener('m', 2, 'x'), tcpListener('m', 3, 'a')],
    };
    expect(wrong(input)).toEqual([
      'a $.connect_timeout: must be more than 0s, not "0s"',
      'a $.nonsense: envoy.config.cluster.v3.Cluster has no such field',
      'a $.endpoints[0].lb_endpoints[1].endpoint.address.socket_address.port_value: must be at most 65535, not 70000',
      'm $.name: two resources have this name',
      'b $.eds_cluster_config: there are no endpoints named b',
    ]);
    expect(() => buildSnapshot(input)).toThrow(/^Cluster a \$\.connect_timeout: .*; Cluster b /);
  });

  it('is held to the same when it is changed, with the same clusters elsewhere', () => {
    const first = buildSnapshot({ listeners: [tcpListener('l', 1, 'x')] }, ['x']);
    expect(() => changeSnapshot(first, { listeners: [tcpListener('m', 2, 'x')] })).not.toThrow();
    expect(() => changeSnapshot(first, { listeners: [tcpListener('m', 2, 'y')] })).toThrow('no cluster named y');
    expect(() => changeSnapshot(EMPTY_SNAPSHOT, { clusters: [{ name: '' }] })).toThrow('Cluster (no name) $.name: ');
    const all = buildSnapshot({ ...there, listeners: [tcpListener('l', 1, 'a')] });
    expect(() => changeSnapshot(all, {}, { clusters: ['a'] })).toThrow('there is no cluster named a');
  });
});
