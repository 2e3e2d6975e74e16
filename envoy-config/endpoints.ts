// Which instances an EnvoyCluster has, and in which order they are used.

import type { JsonObject } from '../proto/json.ts';
import type { EndpointIr, RouteIr } from './ir.ts';
import { routeClusterName } from './names.ts';

/**
 * Envoy spills load to the next priority in proportion to what is unhealthy in this one, times this factor (default
 * 140). At its largest use, one healthy host in a hundred keeps the load: the next priority is for when none is left.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
 */
const OVERPROVISIONING_PERCENT = 10_000;

/**
 * ClusterLoadAssignment of a route as the proxy in `zone` sees it: the instances of its own zone first, then all
 * others, then the last resort.
 */
export function loadAssignment(route: RouteIr, zone: string): JsonObject {
  const tiers = Map.groupBy(route.endpoints.toSorted(byInstance), (endpoint) => tierOf(endpoint, zone));
  const endpoints = [...tiers.entries()]
    .toSorted(([left], [right]) => left - right)
    .flatMap(([, members], priority) => localities(members, priority));
  const cluster_name = routeClusterName(route);
  if (endpoints.length === 0) return { cluster_name };
  if (endpoints.length === 1) return { cluster_name, endpoints };
  return { cluster_name, endpoints, policy: { overprovisioning_factor: OVERPROVISIONING_PERCENT } };
}

/** Envoy wants priorities without a hole: the caller numbers those tiers that have members. */
function tierOf(endpoint: EndpointIr, zone: string): number {
  if (endpoint.lastResort) return 2;
  return zone === '' || endpoint.zone === zone ? 0 : 1;
}

function localities(members: readonly EndpointIr[], priority: number): JsonObject[] {
  const zones = Map.groupBy(members, (endpoint) => endpoint.zone);
  return [...zones.entries()]
    .toSorted(([left], [right]) => compare(left, right))
    .map(([zone, endpoints]) => ({
      ...(zone === '' ? {} : { locality: { zone } }),
      ...(priority === 0 ? {} : { priority }),
      lb_endpoints: endpoints.map(lbEndpoint),
    }));
}

function lbEndpoint(endpoint: EndpointIr): JsonObject {
  return {
    endpoint: {
      address: { socket_address: { address: endpoint.host, port_value: endpoint.port } },
      health_check_config: { port_value: endpoint.healthPort },
      hostname: endpoint.instance,
    },
    ...(endpoint.draining ? { health_status: 'DRAINING' } : {}),
    ...(endpoint.weight === 1 ? {} : { load_balancing_weight: endpoint.weight }),
  };
}

function byInstance(left: EndpointIr, right: EndpointIr): number {
  return compare(left.instance, right.instance);
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
