/** EnvoyClusters, valid for us and for Envoy. */
import type { JsonObject } from '../../../proto/json.ts';
import { ADS, any, assignment, CERTIFICATE, extension, HTTP_OPTIONS, type Sample, socket, TLS } from './parts.ts';

function cluster(name: string, fields: JsonObject): Sample {
  return { name: `cluster ${name}`, kind: 'cluster', resource: { name, connect_timeout: '1s', ...fields } };
}

const THRESHOLDS: JsonObject = { healthy_threshold: 1, unhealthy_threshold: 2, timeout: '1s', interval: '5s' };

export const clusters: readonly Sample[] = [
  cluster('health-http', {
    type: 'STATIC',
    load_assignment: assignment('health-http'),
    health_checks: [
      {
        ...THRESHOLDS,
        no_traffic_interval: '10s',
        interval_jitter: '0.1s',
        reuse_connection: false,
        http_health_check: {
          path: '/ready',
          host: 'db',
          expected_statuses: [{ start: 200, end: 300 }],
          request_headers_to_add: [{ header: { key: 'x-a', value: 'b' } }],
          request_headers_to_remove: ['x-c'],
          codec_client_type: 'HTTP1',
        },
      },
    ],
  }),
  cluster('health-tcp', {
    type: 'STATIC',
    load_assignment: assignment('health-tcp'),
    health_checks: [{ ...THRESHOLDS, tcp_health_check: { send: { text: '00' }, receive: [{ text: 'ff' }] } }],
  }),
  cluster('health-grpc', {
    type: 'STATIC',
    load_assignment: assignment('health-grpc'),
    typed_extension_protocol_options: {
      [HTTP_OPTIONS]: any(HTTP_OPTIONS, { explicit_http_config: { http2_protocol_options: {} } }),
    },
    health_checks: [{ ...THRESHOLDS, grpc_health_check: { service_name: 'x', authority: 'y' } }],
  }),
  cluster('eds', {
    type: 'EDS',
    eds_cluster_config: { eds_config: { ...ADS, initial_fetch_timeout: '2s' }, service_name: 'x' },
    lb_policy: 'LEAST_REQUEST',
    least_request_lb_config: { choice_count: 3, active_request_bias: { default_value: 1, runtime_key: 'x' } },
    common_lb_config: {
      healthy_panic_threshold: { value: 50 },
      zone_aware_lb_config: { routing_enabled: { value: 100 }, min_cluster_size: 6 },
      update_merge_window: '1s',
    },
  }),
  cluster('outliers', {
    type: 'STATIC',
    load_assignment: assignment('outliers'),
    outlier_detection: {
      consecutive_5xx: 5,
      interval: '10s',
      base_ejection_time: '30s',
      max_ejection_time: '300s',
      max_ejection_percent: 10,
      enforcing_success_rate: 100,
      success_rate_minimum_hosts: 5,
      failure_percentage_threshold: 85,
      split_external_local_origin_errors: true,
    },
    circuit_breakers: {
      thresholds: [
        { priority: 'DEFAULT', max_connections: 10, retry_budget: { budget_percent: { value: 20 } } },
        { priority: 'HIGH', max_requests: 5, track_remaining: true },
      ],
    },
  }),
  cluster('ring', {
    type: 'STRICT_DNS',
    lb_policy: 'RING_HASH',
    ring_hash_lb_config: { minimum_ring_size: 1024, maximum_ring_size: 2048, hash_function: 'XX_HASH' },
    load_assignment: {
      cluster_name: 'ring',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('localhost', 80) } }] }],
    },
    dns_refresh_rate: '5s',
    dns_failure_refresh_rate: { base_interval: '1s', max_interval: '5s' },
    dns_lookup_family: 'V4_ONLY',
    respect_dns_ttl: true,
  }),
  cluster('maglev', {
    type: 'LOGICAL_DNS',
    lb_policy: 'MAGLEV',
    maglev_lb_config: { table_size: 101 },
    load_assignment: {
      cluster_name: 'm',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('localhost', 80) } }] }],
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_probes: 3, keepalive_time: 10, keepalive_interval: 5 } },
    upstream_bind_config: { source_address: { address: '127.0.0.1', port_value: 0 } },
  }),
  cluster('subsets', {
    type: 'STATIC',
    load_assignment: assignment('subsets'),
    lb_subset_config: {
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { stage: 'test' },
      subset_selectors: [{ keys: ['stage'], fallback_policy: 'ANY_ENDPOINT' }],
    },
    metadata: { filter_metadata: { howdah: { epoch: 4 } } },
    alt_stat_name: 'other',
    cleanup_interval: '10s',
  }),
  cluster('tls', {
    type: 'STATIC',
    load_assignment: assignment('tls'),
    transport_socket: extension('envoy.transport_sockets.tls', `${TLS}.UpstreamTlsContext`, {
      sni: 'db.example',
      allow_renegotiation: false,
      max_session_keys: 1,
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
        alpn_protocols: ['h2', 'postgresql'],
        validation_context: {
          trusted_ca: { inline_string: CERTIFICATE },
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://x/' } }],
          max_verify_depth: 3,
        },
      },
    }),
  }),
  cluster('http2', {
    type: 'STATIC',
    load_assignment: assignment('http2'),
    per_connection_buffer_limit_bytes: 32768,
    preconnect_policy: { per_upstream_preconnect_ratio: 1.5 },
    typed_extension_protocol_options: {
      [HTTP_OPTIONS]: any(HTTP_OPTIONS, {
        common_http_protocol_options: { idle_timeout: '60s', max_requests_per_connection: 100, max_headers_count: 50 },
        explicit_http_config: {
          http2_protocol_options: {
            max_concurrent_streams: 100,
            initial_stream_window_size: 65536,
            initial_connection_window_size: 65536,
            connection_keepalive: { interval: '30s', timeout: '5s', interval_jitter: { value: 10 } },
          },
        },
      }),
    },
  }),
  cluster('policy', {
    type: 'STATIC',
    load_assignment: assignment('policy'),
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: extension(
            'envoy.load_balancing_policies.round_robin',
            'envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin',
            { slow_start_config: { slow_start_window: '10s', aggression: { default_value: 1, runtime_key: 'x' } } },
          ),
        },
      ],
    },
  }),
];
