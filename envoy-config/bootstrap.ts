// What Envoy is started with: who it is, and where its control plane is. All else comes over ADS. While the control
// plane is away Envoy keeps the configuration that it has.
import type { JsonObject } from '../proto/json.ts';
import { any } from './any.ts';
import { MAX_DOWNSTREAM_CONNECTIONS } from './limits.ts';

export interface BootstrapOptions {
  /** Envoy's node id: `instance/CLUSTER/INSTANCE` or `gateway/NAME`. */
  readonly node: string;
  /** Name of the Postgres cluster, or of the gateway: Envoy's `node.cluster`. */
  readonly cluster: string;
  /** Availability zone; '' = unknown. */
  readonly zone: string;
  /** Free words about the proxy, shown by the control plane. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where ADS is served, by one or more control planes: any of them tells the same. */
  readonly controlPlanes: readonly { readonly host: string; readonly port: number }[];
  /** Path of the unix socket for Envoy's admin interface, at most 107 bytes. */
  readonly adminSocketPath: string;
  /** Loopback port on which the agent serves what Envoy had last. Default: there is none. */
  readonly cachePort?: number;
}

const CONTROL_PLANE = 'control-plane';

/**
 * Envoy's bootstrap, to be written as JSON.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
 */
export function bootstrap(options: BootstrapOptions): JsonObject {
  return {
    node: {
      id: options.node,
      cluster: options.cluster,
      ...(options.zone === '' ? {} : { locality: { zone: options.zone } }),
      metadata: options.metadata,
    },
    admin: { address: { pipe: { path: options.adminSocketPath, mode: 0o600 } } },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: CONTROL_PLANE, retry_policy: RECONNECT } }],
      },
      cds_config: OVER_ADS,
      lds_config: OVER_ADS,
    },
    static_resources: { clusters: [controlPlaneCluster(options.controlPlanes, options.cachePort)] },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: any(
            'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            { max_active_downstream_connections: MAX_DOWNSTREAM_CONNECTIONS },
          ),
        },
      ],
    },
  };
}

/**
 * Envoy's own backoff grows from 0.5 s to 30 s; a restarted control plane must be found within a second (measured: 84 to
 * 431 ms after it listens again).
 */
const RECONNECT: JsonObject = { retry_back_off: { base_interval: '0.1s', max_interval: '0.5s' } };

/** Without a limit of time: Envoy is ready when it has its configuration, not when it gave up waiting. */
const OVER_ADS: JsonObject = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };

/** A stream that breaks is begun anew at the next one in turn. */
function controlPlaneCluster(all: BootstrapOptions['controlPlanes'], cachePort: number | undefined): JsonObject {
  return {
    name: CONTROL_PLANE,
    type: 'STRICT_DNS',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: CONTROL_PLANE,
      endpoints: [
        {
          lb_endpoints: all.map(({ host, port }) => ({
            endpoint: { address: { socket_address: { address: host, port_value: port } } },
          })),
        },
        ...(cachePort === undefined ? [] : [agentCache(cachePort)]),
      ],
      // One that is well is enough: no share of the streams goes to the next priority.
      policy: { overprovisioning_factor: ANY_IS_ENOUGH },
    },
    ...(cachePort === undefined ? {} : preference(all.length > 1)),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: {
            // A control plane that is frozen, or vanished without a FIN, is noticed after 3 s.
            http2_protocol_options: { connection_keepalive: { interval: '1s', timeout: '2s' } },
          },
        },
      ),
    },
  };
}

/** In percent: one of a hundred endpoints counts as all of them. */
const ANY_IS_ENOUGH = 10_000;

/** Used while no control plane passes its health check. */
function agentCache(port: number): JsonObject {
  const endpoint = {
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    health_check_config: { disable_active_health_check: true },
  };
  return { priority: 1, lb_endpoints: [{ endpoint }] };
}

/**
 * The first check decides, before anything is asked, where an Envoy that starts gets its configuration: any answer means
 * that a control plane is there. After that one that is well is hardly asked, and one that is not often, to be found when
 * it is back. Of several each is asked often: a frozen one is left within 2 s. (Envoy's own failover between two xDS sources, experimental in 1.40, gets stuck: a retry of the first source
 * is still under way when the second one takes over, and its failure stops the requests to the second.)
 */
const preference = (severalAreThere: boolean): JsonObject => ({
  health_checks: [
    {
      timeout: '1s',
      interval: severalAreThere ? '1s' : '60s',
      no_traffic_interval: '0.25s',
      no_traffic_healthy_interval: severalAreThere ? '1s' : '60s',
      unhealthy_interval: '0.25s',
      unhealthy_edge_interval: '0.25s',
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      http_health_check: { path: '/', codec_client_type: 'HTTP2', expected_statuses: [{ start: 100, end: 600 }] },
    },
  ],
  common_lb_config: { healthy_panic_threshold: { value: 0 } },
  close_connections_on_host_health_failure: severalAreThere,
});
