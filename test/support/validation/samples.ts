/**
 * Resources that are valid for us and for Envoy, of as many message types as the stock Envoy knows and the package has
 * .proto files of. Those that Howdah itself makes come from its goldens.
 */
import type { JsonObject } from '../../../proto/json.ts';
import { translateGoldens } from '../envoy-goldens.ts';
import { clusters } from './cluster-samples.ts';
import { httpConnectionManager, httpFilters } from './http-samples.ts';
import {
  ADS,
  any,
  assignment,
  CERTIFICATE,
  extension,
  HTTP_OPTIONS,
  type Sample,
  type SampleKind,
  socket,
  TLS,
} from './parts.ts';

export const MESSAGE_OF: Readonly<Record<SampleKind, string>> = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  listener: 'envoy.config.listener.v3.Listener',
  endpoints: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'envoy.extensions.transport_sockets.tls.v3.Secret',
  bootstrap: 'envoy.config.bootstrap.v3.Bootstrap',
};
function listener(name: string, fields: JsonObject): Sample {
  const resource = { name, address: socket('127.0.0.1', 5000), ...fields };
  return { name: `listener ${name}`, kind: 'listener', resource };
}

function chain(...filters: JsonObject[]): JsonObject {
  return { filter_chains: [{ filters }] };
}

function network(name: string, type: string, fields: JsonObject): JsonObject {
  return extension(`envoy.filters.network.${name}`, `envoy.extensions.filters.network.${name}.v3.${type}`, fields);
}

const TCP: JsonObject = network('tcp_proxy', 'TcpProxy', { stat_prefix: 'tcp', cluster: 'a' });
const FILE_LOG: JsonObject = extension('log', 'envoy.extensions.access_loggers.file.v3.FileAccessLog', {
  path: '/dev/null',
  log_format: { text_format_source: { inline_string: '%DURATION%\n' } },
});

const listeners: Sample[] = [
  listener('tcp', {
    ...chain(
      network('tcp_proxy', 'TcpProxy', {
        stat_prefix: 'tcp',
        weighted_clusters: {
          clusters: [
            { name: 'a', weight: 1 },
            { name: 'b', weight: 2 },
          ],
        },
        idle_timeout: '10s',
        max_connect_attempts: 2,
        max_downstream_connection_duration: '60s',
        access_log: [
          {
            ...FILE_LOG,
            filter: { duration_filter: { comparison: { op: 'GE', value: { default_value: 5, runtime_key: 'x' } } } },
          },
        ],
        hash_policy: [{ source_ip: {} }],
      }),
    ),
    tcp_backlog_size: 128,
    listener_filters_timeout: '5s',
    socket_options: [{ level: 1, name: 9, int_value: 1, state: 'STATE_PREBIND' }],
    connection_balance_config: { exact_balance: {} },
    access_log: [FILE_LOG],
  }),
  listener('guarded', {
    ...chain(
      network('connection_limit', 'ConnectionLimit', { stat_prefix: 'x', max_connections: 10, delay: '1s' }),
      network('local_ratelimit', 'LocalRateLimit', {
        stat_prefix: 'x',
        token_bucket: { max_tokens: 10, tokens_per_fill: 2, fill_interval: '1s' },
      }),
      network('rbac', 'RBAC', {
        stat_prefix: 'x',
        rules: {
          action: 'ALLOW',
          policies: {
            all: {
              permissions: [{ and_rules: { rules: [{ destination_port: 5432 }, { not_rule: { any: true } }] } }],
              principals: [
                { authenticated: { principal_name: { exact: 'spiffe://x' } } },
                { direct_remote_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } },
              ],
            },
          },
        },
      }),
      network('ext_authz', 'ExtAuthz', {
        stat_prefix: 'x',
        transport_api_version: 'V3',
        grpc_service: {
          envoy_grpc: { cluster_name: 'grpc', authority: 'x' },
          timeout: '0.5s',
          initial_metadata: [{ key: 'a', value: 'b' }],
        },
      }),
      TCP,
    ),
  }),
  listener('sni', {
    listener_filters: [
      extension(
        'envoy.filters.listener.tls_inspector',
        'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
      ),
      extension(
        'envoy.filters.listener.proxy_protocol',
        'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol',
        {
          rules: [{ tlv_type: 2, on_tlv_present: { metadata_namespace: 'x', key: 'y' } }],
        },
      ),
    ],
    filter_chains: [
      {
        name: 'one',
        filter_chain_match: {
          server_names: ['a.example', '*.b.example'],
          transport_protocol: 'tls',
          application_protocols: ['postgresql'],
          source_prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }],
          source_ports: [1, 2],
          source_type: 'EXTERNAL',
        },
        filters: [TCP],
        transport_socket_connect_timeout: '5s',
      },
      { name: 'two', filter_chain_match: { destination_port: 5432 }, filters: [TCP] },
    ],
    default_filter_chain: { filters: [TCP] },
  }),
  listener('tls', {
    filter_chains: [
      {
        filters: [TCP],
        transport_socket: extension('envoy.transport_sockets.tls', `${TLS}.DownstreamTlsContext`, {
          require_client_certificate: true,
          session_timeout: '3600s',
          common_tls_context: {
            tls_certificate_sds_secret_configs: [{ name: 'cert', sds_config: ADS }],
            validation_context_sds_secret_config: { name: 'ca', sds_config: ADS },
          },
        }),
      },
    ],
  }),
  listener('http', chain(httpConnectionManager('http', httpFilters()))),
  listener('rds', chain(httpConnectionManager('rds', [], { rds: { config_source: ADS, route_config_name: 'r' } }))),
  listener('udp', {
    address: { socket_address: { address: '127.0.0.1', port_value: 5001, protocol: 'UDP' } },
    udp_listener_config: { downstream_socket_config: { max_rx_datagram_size: 1500 } },
    listener_filters: [
      extension('envoy.filters.udp_listener.udp_proxy', 'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', {
        stat_prefix: 'u',
        cluster: 'a',
        idle_timeout: '60s',
      }),
    ],
  }),
];

const secrets: Sample[] = [
  {
    name: 'secret ca',
    kind: 'secret',
    resource: {
      name: 'ca',
      validation_context: {
        trusted_ca: { inline_string: CERTIFICATE },
        verify_certificate_hash: ['a'.repeat(64)],
        match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'a', ignore_case: true } }],
      },
    },
  },
  {
    name: 'secret generic',
    kind: 'secret',
    resource: { name: 'g', generic_secret: { secret: { inline_string: 'x' } } },
  },
];

const endpoints: Sample[] = [{ name: 'endpoints full', kind: 'endpoints', resource: assignment('x') }];

/** What Howdah makes, each form once. */
function ours(): Sample[] {
  const { proxies, bootstraps } = translateGoldens();
  const chosen = proxies.filter(({ name }) => name === 'pod-primary' || name === 'gateway-ro-fallback');
  return [
    ...chosen.flatMap(({ name, output }) => [
      ...output.clusters.map(
        (resource): Sample => ({ name: `${name} cluster ${resource.name}`, kind: 'cluster', resource }),
      ),
      ...output.listeners.map(
        (resource): Sample => ({ name: `${name} listener ${resource.name}`, kind: 'listener', resource }),
      ),
      ...output.endpoints.map(
        (resource): Sample => ({ name: `${name} endpoints ${resource.cluster_name}`, kind: 'endpoints', resource }),
      ),
    ]),
    ...bootstraps.map(({ name, output }): Sample => ({ name, kind: 'bootstrap', resource: output })),
  ];
}

export function samples(): Sample[] {
  return [...clusters, ...listeners, ...secrets, ...endpoints, ...ours()];
}

/** The bootstrap in which Envoy sees the resource: alone, but for what it names. */
export function bootstrapOf(kind: SampleKind, resource: JsonObject): JsonObject {
  if (kind === 'bootstrap') return resource;
  const http2 = any(HTTP_OPTIONS, { explicit_http_config: { http2_protocol_options: {} } });
  const grpc = { name: 'grpc', type: 'STATIC', typed_extension_protocol_options: { [HTTP_OPTIONS]: http2 } };
  const there = [grpc, ...['a', 'b'].map((name) => ({ name, type: 'STATIC' }))];
  const assigned = { name: 'assigned', type: 'STATIC', load_assignment: resource };
  const ads = {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'grpc' } }],
  };
  return {
    node: { id: 'gateway/validated', cluster: 'validated' },
    dynamic_resources: { ads_config: ads },
    static_resources: {
      clusters: [...there, ...(kind === 'cluster' ? [resource] : []), ...(kind === 'endpoints' ? [assigned] : [])],
      listeners: kind === 'listener' ? [resource] : [],
      secrets: kind === 'secret' ? [resource] : [],
    },
  };
}
