/**
 * The resource types that are served, one line each: nothing else in this directory is about one type alone, but the
 * order of clusters, endpoints and what names them. In the order in which a proxy must get them.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 */
export const CLUSTER_TYPE = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
export const ENDPOINT_TYPE = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
export const LISTENER_TYPE = 'type.googleapis.com/envoy.config.listener.v3.Listener';
export const ROUTE_TYPE = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';
export const SECRET_TYPE = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
export const EXTENSION_TYPE = 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig';
export const RUNTIME_TYPE = 'type.googleapis.com/envoy.service.runtime.v3.Runtime';

export const RESOURCE_TYPES = [
  CLUSTER_TYPE,
  ENDPOINT_TYPE,
  LISTENER_TYPE,
  ROUTE_TYPE,
  SECRET_TYPE,
  EXTENSION_TYPE,
  RUNTIME_TYPE,
] as const;
export type TypeUrl = (typeof RESOURCE_TYPES)[number];

/** What the sets of a snapshot are called where it is made. */
export type TypeKey = 'clusters' | 'endpoints' | 'listeners' | 'routes' | 'secrets' | 'extensions' | 'runtimes';

export interface ResourceType {
  readonly typeUrl: TypeUrl;
  readonly key: TypeKey;
  /** Field of the message that holds the resource's name. */
  readonly nameField: string;
  /** The service of this type alone: its full name and its two streaming methods. */
  readonly service: string;
  readonly stream: string;
  readonly delta: string;
  /** In state of the world a response holds all that the proxy is to have, and what it leaves out is gone. */
  readonly fullState: boolean;
  /** Naming nothing in the first request means everything. */
  readonly legacyWildcard: boolean;
  /** Resources of this type name clusters that must be there before them, and stay as long as they do. */
  readonly namesClusters: boolean;
}

function type(
  typeUrl: TypeUrl,
  key: TypeKey,
  nameField: string,
  [service, stream, delta]: readonly [string, string, string],
  { fullState = false, namesClusters = false }: { fullState?: boolean; namesClusters?: boolean } = {},
): ResourceType {
  const fullName = `envoy.service.${service}`;
  const legacyWildcard = fullState;
  return { typeUrl, key, nameField, service: fullName, stream, delta, fullState, legacyWildcard, namesClusters };
}

const CDS = ['cluster.v3.ClusterDiscoveryService', 'StreamClusters', 'DeltaClusters'] as const;
const EDS = ['endpoint.v3.EndpointDiscoveryService', 'StreamEndpoints', 'DeltaEndpoints'] as const;
const LDS = ['listener.v3.ListenerDiscoveryService', 'StreamListeners', 'DeltaListeners'] as const;
const RDS = ['route.v3.RouteDiscoveryService', 'StreamRoutes', 'DeltaRoutes'] as const;
const SDS = ['secret.v3.SecretDiscoveryService', 'StreamSecrets', 'DeltaSecrets'] as const;
const ECDS = [
  'extension.v3.ExtensionConfigDiscoveryService',
  'StreamExtensionConfigs',
  'DeltaExtensionConfigs',
] as const;
const RTDS = ['runtime.v3.RuntimeDiscoveryService', 'StreamRuntime', 'DeltaRuntime'] as const;

/** A new type is a line here, and its URL and key above. */
export const TYPES: Readonly<Record<TypeUrl, ResourceType>> = {
  [CLUSTER_TYPE]: type(CLUSTER_TYPE, 'clusters', 'name', CDS, { fullState: true }),
  [ENDPOINT_TYPE]: type(ENDPOINT_TYPE, 'endpoints', 'cluster_name', EDS),
  [LISTENER_TYPE]: type(LISTENER_TYPE, 'listeners', 'name', LDS, { fullState: true, namesClusters: true }),
  [ROUTE_TYPE]: type(ROUTE_TYPE, 'routes', 'name', RDS, { namesClusters: true }),
  [SECRET_TYPE]: type(SECRET_TYPE, 'secrets', 'name', SDS),
  [EXTENSION_TYPE]: type(EXTENSION_TYPE, 'extensions', 'name', ECDS, { namesClusters: true }),
  [RUNTIME_TYPE]: type(RUNTIME_TYPE, 'runtimes', 'name', RTDS),
};

const byKey = new Map<string, ResourceType>(Object.values(TYPES).map((each) => [each.key, each]));

/** @throws Error when no type has that key: keys come from code, not from a proxy */
export function typeOfKey(key: TypeKey): ResourceType {
  const found = byKey.get(key);
  if (!found) throw new Error(`no resource type is called ${key}`);
  return found;
}

export function isTypeUrl(url: string): url is TypeUrl {
  return Object.hasOwn(TYPES, url);
}
