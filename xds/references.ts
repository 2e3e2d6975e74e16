/** What resources name in each other, and whether all of it is there. */
import { decode } from '../proto/decode.ts';
import { isObject, type Json, type JsonObject } from '../proto/json.ts';
import { typeNameOf } from '../proto/type-url.ts';
import { walkMessages } from '../proto/walk.ts';
import { ANY, isList } from '../proto/well-known.ts';
import type { SnapshotProblem } from './problems.ts';
import { ENDPOINT_TYPE, LISTENER_TYPE } from './type-urls.ts';

/** What a resource has to do with others: what it names must be there, an address must be its own. */
export interface Relation {
  readonly kind: 'cluster' | 'route' | 'secret' | 'address';
  /** Of the other resource; an address as text that two listeners may not share. */
  readonly name: string;
}

interface FoundRelation extends Relation {
  /** Where it is said. */
  readonly path: string;
}

const NO_RELATIONS: readonly Relation[] = [];

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

/**
 * Without paths, which would be most of what a resource weighs.
 * @param typeUrl of a resource that validate() found right
 */
export function relationsOf(typeUrl: string, message: JsonObject): readonly Relation[] {
  // Endpoints are most of all resources, and name nothing.
  if (typeUrl === ENDPOINT_TYPE) return NO_RELATIONS;
  const found = findRelations(typeUrl, message);
  return found.length === 0 ? NO_RELATIONS : found.map(({ kind, name }) => ({ kind, name }));
}

function findRelations(typeUrl: string, message: JsonObject): FoundRelation[] {
  const found: FoundRelation[] = [];
  const add = (kind: Relation['kind'], name: Json | undefined, path: string) => {
    if (typeof name === 'string' && name !== '') found.push({ kind, name, path });
  };
  walkMessages(typeNameOf(typeUrl), message, (type, inner, path) => {
    const field = CLUSTER_FIELDS[type];
    const named = field === undefined ? undefined : inner[field];
    if (isList(named)) for (const [index, name] of named.entries()) add('cluster', name, `${path}.${field}[${index}]`);
    else add('cluster', named, `${path}.${field}`);
    const sourced = SOURCED[type];
    if (sourced && isOwnSource(inner[sourced.source])) {
      add(sourced.kind, inner[sourced.name], `${path}.${sourced.name}`);
    }
  });
  if (typeUrl === LISTENER_TYPE) {
    for (const [path, address] of listenerAddresses(message)) add('address', addressText(address), path);
  }
  return found;
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

/** By path. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto */
function listenerAddresses(listener: JsonObject): [path: string, address: Json | undefined][] {
  const { address, additional_addresses: additional } = listener;
  const more = (isList(additional) ? additional : []).map((each, index): [string, Json | undefined] => [
    `$.additional_addresses[${index}].address`,
    isObject(each) ? each.address : undefined,
  ]);
  return [['$.address', address], ...more];
}

/** '' = none that could be taken twice: port 0 is any free one. */
function addressText(address: Json | undefined): string {
  if (!isObject(address)) return '';
  const { pipe, socket_address: socket } = address;
  if (isObject(pipe) && typeof pipe.path === 'string') return pipe.path;
  if (!isObject(socket) || typeof socket.port_value !== 'number' || socket.port_value === 0) return '';
  return `${socket.protocol === 'UDP' ? 'udp://' : ''}${String(socket.address ?? '')}:${socket.port_value}`;
}

export interface Related {
  readonly typeUrl: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Of the endpoints that it waits for; '' = none. */
  readonly endpointName: string;
  readonly relations: readonly Relation[];
}

/** Whether a resource of that name is there; undefined: they come from elsewhere, and nothing is known of them. */
export type Available = Readonly<Record<Needed, ((name: string) => boolean) | undefined>>;

type Needed = Exclude<Relation['kind'], 'address'> | 'endpoints';

/** Every name that leads nowhere and every address that is taken twice. */
export function brokenRelations(resources: Iterable<Related>, available: Available): SnapshotProblem[] {
  const problems: SnapshotProblem[] = [];
  const listening = new Map<string, string>();
  for (const resource of resources) {
    const { typeUrl, name, endpointName } = resource;
    if (endpointName !== '' && available.endpoints?.(endpointName) === false) {
      const message = MISSING.endpoints(endpointName);
      problems.push({ typeUrl, resource: name, path: '$.eds_cluster_config', message });
    }
    for (const relation of resource.relations) {
      const message = whatIsWrong(relation, name, available, listening);
      if (message !== '') problems.push({ typeUrl, resource: name, path: pathOf(resource, relation), message });
    }
  }
  return problems;
}

/** '' = nothing. */
function whatIsWrong(
  { kind, name }: Relation,
  of: string,
  available: Available,
  listening: Map<string, string>,
): string {
  if (kind !== 'address') return (available[kind]?.(name) ?? true) ? '' : MISSING[kind](name);
  const other = listening.get(name);
  listening.set(name, other ?? of);
  return other === undefined || other === of ? '' : `${other} already listens at ${name}`;
}

/** The first place that says it. */
function pathOf({ typeUrl, bytes }: Related, { kind, name }: Relation): string {
  const found = findRelations(typeUrl, decode(ANY, bytes));
  return found.find((each) => each.kind === kind && each.name === name)?.path ?? '$';
}

const MISSING: Readonly<Record<keyof Available, (name: string) => string>> = {
  cluster: (name) => `there is no cluster named ${name}`,
  endpoints: (name) => `there are no endpoints named ${name}`,
  route: (name) => `there is no route configuration named ${name}`,
  secret: (name) => `there is no secret named ${name}`,
};
