/** Aggregated discovery for Envoy proxies. Knows resources, nodes and streams; knows nothing of PostgreSQL. */
export { RpcServer, type RpcServerOptions, type ServiceHost } from '../grpc/rpc-server.ts';
export { type CacheOptions, type ResourceChanges, SnapshotCache } from './cache.ts';
export type { ResourceState, ResourceStatus, TypeContents } from './contents.ts';
export { ClientStatusServer, type ClientStatusSource } from './csds-server.ts';
export type { ResourceInput, VersionedResource } from './encode-resource.ts';
export { DEFAULT_LIMITS, type XdsLimits } from './limits.ts';
export type { Rejection } from './memory.ts';
export { InvalidSnapshot, problemText, type SnapshotProblem } from './problems.ts';
export { type RehearsalOptions, rehearse } from './rehearsal.ts';
export type { Resource, ResourceSet } from './resource.ts';
export {
  type ProxyContents,
  type ProxyState,
  SERVER_OPTIONS,
  type StreamAge,
  serverOptions,
  type XdsHooks,
  XdsServer,
  type XdsServerOptions,
} from './server.ts';
export type { Push, SessionEvent, TypeStatus, Variant, VersionMark } from './session-types.ts';
export {
  buildSnapshot,
  changeSnapshot,
  EMPTY_SNAPSHOT,
  type ResourceNames,
  type Snapshot,
  type SnapshotInput,
} from './snapshot.ts';
export type { XdsClock } from './stream-server.ts';
export {
  CLUSTER_TYPE,
  ENDPOINT_TYPE,
  EXTENSION_TYPE,
  isTypeUrl,
  LISTENER_TYPE,
  RESOURCE_TYPES,
  type ResourceType,
  ROUTE_TYPE,
  RUNTIME_TYPE,
  SECRET_TYPE,
  TYPES,
  type TypeKey,
  type TypeUrl,
} from './type-urls.ts';
