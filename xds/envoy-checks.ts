/**
 * What Envoy refuses though no rule of the .proto files says so, as far as it is easily told and easily got wrong. What
 * else it refuses is in docs/validation.md. Pure.
 */
import { isObject, type Json, type JsonObject } from '../proto/json.ts';
import { isIp } from '../proto/validate/formats.ts';
import type { Problem } from '../proto/validate/validate.ts';
import { walkMessages } from '../proto/walk.ts';
import { isList } from '../proto/well-known.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from './type-urls.ts';

/** Every problem of a resource; of what is not of its field's type validate() tells. */
export function envoyProblems(typeUrl: string, resource: JsonObject): Problem[] {
  switch (typeUrl) {
    case CLUSTER_TYPE:
      return clusterProblems(resource);
    case ENDPOINT_TYPE:
      return assignmentProblems(resource, '$');
    case LISTENER_TYPE:
      return listenerProblems(resource);
    default:
      return [];
  }
}

const SOURCES = ['path', 'path_config_source', 'api_config_source', 'ads', 'self'];

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto */
function clusterProblems(cluster: JsonObject): Problem[] {
  return [...membershipProblems(cluster), ...maglevProblems(cluster)];
}

function membershipProblems(cluster: JsonObject): Problem[] {
  const { type, cluster_type: custom, load_assignment: assignment, eds_cluster_config: eds } = cluster;
  if (type === 'EDS') {
    const source = isObject(eds) && isObject(eds.eds_config) ? eds.eds_config : {};
    if (SOURCES.some((name) => isThere(source[name]))) return [];
    return [{ path: '$.eds_cluster_config.eds_config', message: 'must say where the endpoints come from' }];
  }
  // Where names are resolved, any name will do.
  const resolves = type === 'STRICT_DNS' || type === 'LOGICAL_DNS' || isThere(custom);
  return resolves || !isObject(assignment) ? [] : assignmentProblems(assignment, '$.load_assignment');
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/endpoint/v3/endpoint_components.proto */
function assignmentProblems(assignment: JsonObject, path: string): Problem[] {
  const problems: Problem[] = [];
  // Assignments change more often than all else, and nearly all are right: paths are put together where one is not.
  for (const [outer, locality] of listOf(assignment.endpoints).entries()) {
    if (!isObject(locality)) continue;
    for (const [inner, lbEndpoint] of listOf(locality.lb_endpoints).entries()) {
      if (!isObject(lbEndpoint) || isThere(lbEndpoint.endpoint_name)) continue;
      const { endpoint } = lbEndpoint;
      for (const problem of addressProblems(isObject(endpoint) ? endpoint.address : undefined, '')) {
        const at = `${path}.endpoints[${outer}].lb_endpoints[${inner}].endpoint.address`;
        problems.push({ ...problem, path: `${at}${problem.path}` });
      }
    }
  }
  return problems;
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto */
function listenerProblems(listener: JsonObject): Problem[] {
  const { address, additional_addresses: additional, filter_chains: chains } = listener;
  // Asked by gRPC clients, which open no port.
  if (isThere(listener.api_listener)) return [];
  const problems = isThere(address) ? addressProblems(address, '$.address') : [];
  for (const [{ address: other }, path] of objectsIn(additional, '$.additional_addresses')) {
    problems.push(...addressProblems(other, `${path}.address`));
  }
  const socket = isObject(address) && isObject(address.socket_address) ? address.socket_address : {};
  const hasChains = (isList(chains) && chains.length > 0) || isThere(listener.default_filter_chain);
  if (!hasChains && socket.protocol !== 'UDP') problems.push({ path: '$.filter_chains', message: 'must not be empty' });
  return problems;
}

const MAGLEV = [
  'envoy.config.cluster.v3.Cluster.MaglevLbConfig',
  'envoy.extensions.load_balancing_policies.maglev.v3.Maglev',
];

/** An Envoy 1.40 that gets a table of size 1 ends by a division by 0; any other that is no prime is refused. */
function maglevProblems(cluster: JsonObject): Problem[] {
  if (!isThere(cluster.maglev_lb_config) && !isThere(cluster.load_balancing_policy)) return [];
  const problems: Problem[] = [];
  walkMessages('envoy.config.cluster.v3.Cluster', cluster, (type, { table_size: size }, path) => {
    if (!MAGLEV.includes(type) || !isThere(size) || isPrime(Number(size))) return;
    problems.push({ path: `${path}.table_size`, message: `must be a prime number, not ${size}` });
  });
  return problems;
}

function isPrime(integer: number): boolean {
  if (integer < 2) return false;
  for (let factor = 2; factor * factor <= integer; factor++) if (integer % factor === 0) return false;
  return true;
}

const ADDRESSES = ['socket_address', 'pipe', 'envoy_internal_address'];

function addressProblems(address: Json | undefined, path: string): Problem[] {
  if (!isObject(address) || !ADDRESSES.some((name) => isThere(address[name]))) {
    return [{ path, message: 'must be set' }];
  }
  const { socket_address: socket } = address;
  if (!isObject(socket) || typeof socket.address !== 'string' || isThere(socket.resolver_name)) return [];
  // A link-local address is one with its zone.
  const zone = socket.address.indexOf('%');
  const ip = zone < 0 ? socket.address : socket.address.slice(0, zone);
  if (isIp(ip)) return [];
  return [{ path: `${path}.socket_address.address`, message: `must be an IP address, not ${JSON.stringify(ip)}` }];
}

function objectsIn(list: Json | undefined, path: string): [JsonObject, string][] {
  return listOf(list).flatMap((item, index): [JsonObject, string][] =>
    isObject(item) ? [[item, `${path}[${index}]`]] : [],
  );
}

function listOf(list: Json | undefined): readonly Json[] {
  return isList(list) ? list : NO_ITEMS;
}

const NO_ITEMS: readonly Json[] = [];

function isThere(json: Json | undefined): boolean {
  return json !== undefined && json !== null && json !== '';
}
