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
  /** Where the control plane serves ADS. */
  readonly controlPlane: { readonly host: string; readonly port: number };
  /** Path of the unix socket for Envoy's admin interface, at most 107 bytes. */
  readonly adminSocketPath: string;
  /** Path of the unix socket on which the agent serves what Envoy had last. Default: there is none. */
  readonly cacheSocketPath?: string;
}

const CONTROL_PLANE = 'control-plane';
const AGENT_CACHE = 'agent-cache';

/**
 * Envoy's bootstrap, to be written as JSON.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
 */
export function bootstrap(options: BootstrapOptions): JsonObject {
  const { cacheSocketPath } = options;
  const sources = cacheSocketPath === undefined ? [CONTROL_PLANE] : [CONTROL_PLANE, AGENT_CACHE];
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
        grpc_services: sources.map((cluster_name) => ({ envoy_grpc: { cluster_name, retry_policy: RECONNECT } })),
      },
      cds_config: OVER_ADS,
      lds_config: OVER_ADS,
    },
    static_resources: {
      clusters: [
        controlPlaneCluster(options.controlPlane),
        ...(cacheSocketPath === undefined ? [] : [agentCacheCluster(cacheSocketPath)]),
      ],
    },
    ...(cacheSocketPath === undefined ? {} : { layered_runtime: TWO_SOURCES }),
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

/**
 * The second source of configuration is asked only by an Envoy that never had a word from the first one: one that runs
 * keeps what it has. It goes back to the first when the stream of the second ends.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto#config-bootstrap-v3-bootstrap-dynamicresources
 */
const TWO_SOURCES: JsonObject = {
  layers: [{ name: 'static', static_layer: { 'envoy.restart_features.xds_failover_support': true } }],
};

/** Without a limit of time: Envoy is ready when it has its configuration, not when it gave up waiting. */
const OVER_ADS: JsonObject = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };

function controlPlaneCluster(at: BootstrapOptions['controlPlane']): JsonObject {
  return {
    name: CONTROL_PLANE,
    type: 'STRICT_DNS',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: CONTROL_PLANE,
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address: at.host, port_value: at.port } } } }] },
      ],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: {
            // A control plane that vanished without a FIN is noticed after 7 s.
            http2_protocol_options: { connection_keepalive: { interval: '5s', timeout: '2s' } },
          },
        },
      ),
    },
  };
}

function agentCacheCluster(path: string): JsonObject {
  return {
    name: AGENT_CACHE,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: AGENT_CACHE,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        { explicit_http_config: { http2_protocol_options: {} } },
      ),
    },
  };
}
