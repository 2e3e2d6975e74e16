/** The kinds of resources that are served, with what a test needs to ask for them and to make some. */
import type { JsonObject } from '../../proto/json.ts';
import {
  endpoints,
  extensionConfig,
  httpRoutes,
  runtimeLayer,
  tcpListener,
  tlsSecret,
} from '../support/xds-resources.ts';

export interface Kind {
  /** Its short name in what is published, and in the documentation. */
  readonly key: KindKey;
  readonly url: string;
  /** Full name of the service of this type alone. */
  readonly service: string;
  readonly streamMethod: string;
  readonly deltaMethod: string;
  /** State of the world means all of it in each response, and an absent one is gone. */
  readonly fullState: boolean;
  /** The field with the name. */
  readonly nameField: string;
  /** A small resource; another `variation` is another content. */
  make(name: string, variation: number): JsonObject;
}

export type KindKey = 'clusters' | 'endpoints' | 'listeners' | 'routes' | 'secrets' | 'extensions' | 'runtimes';

const EXTENSION = 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig';

export const CLUSTERS: Kind = {
  key: 'clusters',
  url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  service: 'envoy.service.cluster.v3.ClusterDiscoveryService',
  streamMethod: 'StreamClusters',
  deltaMethod: 'DeltaClusters',
  fullState: true,
  nameField: 'name',
  // Of its own, without endpoints that would have to be published too.
  make: (name, variation) => ({ name, type: 'STATIC', connect_timeout: `${variation}s` }),
};

export const ENDPOINTS: Kind = {
  key: 'endpoints',
  url: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  service: 'envoy.service.endpoint.v3.EndpointDiscoveryService',
  streamMethod: 'StreamEndpoints',
  deltaMethod: 'DeltaEndpoints',
  fullState: false,
  nameField: 'cluster_name',
  make: (name, variation) => endpoints(name, 1000 + variation),
};

export const LISTENERS: Kind = {
  key: 'listeners',
  url: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  service: 'envoy.service.listener.v3.ListenerDiscoveryService',
  streamMethod: 'StreamListeners',
  deltaMethod: 'DeltaListeners',
  fullState: true,
  nameField: 'name',
  // Two listeners can't have one address.
  make: (name, variation) => tcpListener(name, portOf(name) + variation, 'c0'),
};

export const ROUTES: Kind = {
  key: 'routes',
  url: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  service: 'envoy.service.route.v3.RouteDiscoveryService',
  streamMethod: 'StreamRoutes',
  deltaMethod: 'DeltaRoutes',
  fullState: false,
  nameField: 'name',
  make: (name, variation) => httpRoutes(name, 'c0', { request_headers_to_remove: [`x-${variation}`] }),
};

export const SECRETS: Kind = {
  key: 'secrets',
  url: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  service: 'envoy.service.secret.v3.SecretDiscoveryService',
  streamMethod: 'StreamSecrets',
  deltaMethod: 'DeltaSecrets',
  fullState: false,
  nameField: 'name',
  make: (name, variation) => tlsSecret(name, `certificate ${variation}`),
};

export const EXTENSIONS: Kind = {
  key: 'extensions',
  url: EXTENSION,
  service: 'envoy.service.extension.v3.ExtensionConfigDiscoveryService',
  streamMethod: 'StreamExtensionConfigs',
  deltaMethod: 'DeltaExtensionConfigs',
  fullState: false,
  nameField: 'name',
  make: (name, variation) => extensionConfig(name, `value ${variation}`),
};

export const RUNTIMES: Kind = {
  key: 'runtimes',
  url: 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
  service: 'envoy.service.runtime.v3.RuntimeDiscoveryService',
  streamMethod: 'StreamRuntime',
  deltaMethod: 'DeltaRuntime',
  fullState: false,
  nameField: 'name',
  make: (name, variation) => runtimeLayer(name, { setting: variation }),
};

/** In the order in which a proxy must get them. */
export const KINDS: readonly Kind[] = [CLUSTERS, ENDPOINTS, LISTENERS, ROUTES, SECRETS, EXTENSIONS, RUNTIMES];

export function kindOf(url: string): Kind {
  const kind = KINDS.find((candidate) => candidate.url === url);
  if (!kind) throw new Error(`no kind of resource has the type ${url}`);
  return kind;
}

/** What a proxy reads of that resource. */
export function contentOf(kind: Kind, name: string, variation: number): JsonObject {
  return { '@type': kind.url, ...kind.make(name, variation) };
}

function portOf(name: string): number {
  const sum = [...name].reduce((total, character) => total * 31 + character.charCodeAt(0), 0);
  return 2000 + 50 * (sum % 1000);
}
