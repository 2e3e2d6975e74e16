/** From Envoy's own account of its configuration to the resources that it was given. Pure. */
import { isObject, type Json, type JsonObject } from '../../../proto/json.ts';
import type { CachedResources } from './cached-resources.ts';

/**
 * What Envoy has accepted and uses. What it refused, or still warms, is not in it.
 * @param dump body of `/config_dump?include_eds`
 *   https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto
 */
export function acceptedResources(dump: Json): CachedResources {
  const sections = objects(isObject(dump) ? dump.configs : undefined);
  const of = (section: string, field: string) =>
    sections
      .filter((found) => String(found['@type']).endsWith(`.${section}`))
      .flatMap((found) => objects(found[field]));
  return {
    clusters: sorted(of('ClustersConfigDump', 'dynamic_active_clusters').map(({ cluster }) => resource(cluster))),
    endpoints: sorted(
      of('EndpointsConfigDump', 'dynamic_endpoint_configs').map((found) => assignment(resource(found.endpoint_config))),
    ),
    listeners: sorted(
      of('ListenersConfigDump', 'dynamic_listeners').map(({ active_state: active }) =>
        resource(isObject(active) ? active.listener : undefined),
      ),
    ),
  };
}

/**
 * Envoy tells endpoints as it uses them: with defaults filled in, some of which a server may not send, and with what its
 * health checks found, which is nothing to start the next Envoy with.
 */
function assignment(dumped: JsonObject): JsonObject {
  const endpoints = objects(dumped.endpoints).map(({ load_balancing_weight: _, locality, ...rest }) => ({
    ...(isObject(locality) && Object.keys(locality).length > 0 ? { locality } : {}),
    ...rest,
    lb_endpoints: objects(rest.lb_endpoints).map(({ health_status: status, metadata: _, ...endpoint }) => ({
      ...endpoint,
      ...(status === 'DRAINING' ? { health_status: status } : {}),
    })),
  }));
  return { ...dumped, endpoints };
}

/** The message inside its Any. */
function resource(any: Json | undefined): JsonObject {
  if (!isObject(any)) return {};
  const { '@type': _, ...message } = any;
  return message;
}

/** Envoy's order is that of arrival; in one order the same configuration is the same text. */
function sorted(resources: readonly JsonObject[]): JsonObject[] {
  return resources
    .filter((found) => nameOf(found) !== '')
    .toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
}

function nameOf({ name, cluster_name: clusterName }: JsonObject): string {
  return String(name ?? clusterName ?? '');
}

function objects(json: Json | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}
