/** What resources name in each other, and whether all of it is there. */
import { isObject, type Json, type JsonObject } from '../proto/json.ts';
import { walkMessages } from '../proto/walk.ts';
import { isList } from '../proto/well-known.ts';
import type { SnapshotProblem } from './problems.ts';

/** Another resource that must be there. */
export interface Reference {
  readonly kind: 'cluster' | 'endpoints' | 'route' | 'secret';
  readonly name: string;
  /** Where it is named. */
  readonly path: string;
}

/** What a resource has to do with others. */
export interface Relations {
  readonly references: readonly Reference[];
  /** Where a listener listens, as text that two listeners may not share; with the path of the field. */
  readonly addresses: ReadonlyMap<string, string>;
}

const NO_RELATIONS: Relations = { references: [], addresses: new Map() };

const LISTENER = 'envoy.config.listener.v3.Listener';
const CLUSTER = 'envoy.config.cluster.v3.Cluster';

/** Fields that name a cluster. A list names several. */
const CLUSTER_FIELDS: Readonly<Record<string, string>> = {
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': 'cluster',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight': 'name',
  'envoy.config.route.v3.RouteAction': 'cluster',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy': 'cluster',
  'envoy.config.route.v3.WeightedCluster.ClusterWeight': 'name',
  'envoy.config.core.v3.GrpcService.EnvoyGrpc': 'cluster_name',
  'envoy.config.core.v3.HttpUri': 'cluster',
  'envoy.extensions.clusters.aggregate.v3.ClusterConfig': 'clusters',
};

/** Messages that name a resource of another kind, and where it comes from. */
const SOURCED: Readonly<Record<string, { kind: 'route' | 'secret'; name: string; source: string }>> = {
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds': {
    kind: 'route',
    name: 'route_config_name',
    source: 'config_source',
  },
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': { kind: 'secret', name: 'name', source: 'sds_config' },
};

/** @param typeUrl of a resource that validate() found right */
export function relationsOf(typeUrl: string, message: JsonObject): Relations {
  const references: Reference[] = [];
  const add = (kind: Reference['kind'], name: Json | undefined, path: string) => {
    if (typeof name === 'string' && name !== '') references.push({ kind, name, path });
  };
  const typeName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  walkMessages(typeName, message, (type, inner, path) => {
    const field = CLUSTER_FIELDS[type];
    const named = field === undefined ? undefined : inner[field];
    if (isList(named)) for (const [index, name] of named.entries()) add('cluster', name, `${path}.${field}[${index}]`);
    else add('cluster', named, `${path}.${field}`);
    const sourced = SOURCED[type];
    if (sourced && isOwnSource(inner[sourced.source])) {
      add(sourced.kind, inner[sourced.name], `${path}.${sourced.name}`);
    }
  });
  if (typeName === CLUSTER) add('endpoints', endpointNameOf(message), '$.eds_cluster_config');
  const addresses = typeName === LISTENER ? listenerAddresses(message) : NO_RELATIONS.addresses;
  return references.length === 0 && addresses.size === 0 ? NO_RELATIONS : { references, addresses };
}

/** Name of the endpoints that a cluster waits for on the stream that it came over; '' = none. */
export function endpointNameOf(cluster: JsonObject): string {
  const eds = cluster.eds_cluster_config;
  if (cluster.type !== 'EDS' || !isObject(eds) || !isOwnSource(eds.eds_config)) return '';
  const service = eds.service_name;
  return typeof service === 'string' && service !== '' ? service : String(cluster.name ?? '');
}

/** What comes from a file, or from another server, is not ours. */
function isOwnSource(source: Json | undefined): boolean {
  return isObject(source) && (source.ads !== undefined || source.self !== undefined);
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto */
function listenerAddresses(listener: JsonObject): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const add = (address: Json | undefined, path: string) => {
    const text = isObject(address) ? addressText(address) : '';
    if (text !== '') found.set(text, path);
  };
  add(listener.address, '$.address');
  const more = listener.additional_addresses;
  if (isList(more)) {
    for (const [index, each] of more.entries())
      if (isObject(each)) add(each.address, `$.additional_addresses[${index}].address`);
  }
  return found;
}

/** '' = none that could be taken twice: port 0 is any free one. */
function addressText(address: JsonObject): string {
  const { pipe, socket_address: socket } = address;
  if (isObject(pipe) && typeof pipe.path === 'string') return pipe.path;
  if (!isObject(socket) || typeof socket.port_value !== 'number' || socket.port_value === 0) return '';
  return `${socket.protocol === 'UDP' ? 'udp://' : ''}${String(socket.address ?? '')}:${socket.port_value}`;
}

export interface Related {
  readonly typeUrl: string;
  readonly name: string;
  readonly relations: Relations;
}

/** Names that are there; undefined: resources of that kind come from elsewhere, and nothing is known of them. */
export type Available = Readonly<Record<Reference['kind'], ReadonlySet<string> | undefined>>;

/** Every reference that leads nowhere and every address that is taken twice. */
export function brokenRelations(resources: Iterable<Related>, available: Available): SnapshotProblem[] {
  const problems: SnapshotProblem[] = [];
  const taken = new Map<string, string>();
  for (const { typeUrl, name: resource, relations } of resources) {
    for (const { kind, name, path } of relations.references) {
      const names = available[kind];
      if (names === undefined || names.has(name)) continue;
      problems.push({ typeUrl, resource, path, message: MISSING[kind](name) });
    }
    for (const [address, path] of relations.addresses) {
      const other = taken.get(address);
      if (other === undefined) taken.set(address, resource);
      else problems.push({ typeUrl, resource, path, message: `${other} already listens at ${address}` });
    }
  }
  return problems;
}

const MISSING: Readonly<Record<Reference['kind'], (name: string) => string>> = {
  cluster: (name) => `there is no cluster named ${name}`,
  endpoints: (name) => `there are no endpoints named ${name}`,
  route: (name) => `there is no route configuration named ${name}`,
  secret: (name) => `there is no secret named ${name}`,
};
