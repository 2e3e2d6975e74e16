// From what one proxy must do to Envoy's resources. Pure: equal IRs give equal resources, in the same order.

import type { JsonObject } from '../proto/json.ts';
import { localCluster, routeCluster } from './clusters.ts';
import { loadAssignment } from './endpoints.ts';
import type { ProxyIr, RouteIr } from './ir.ts';
import { meshListeners, routeListener } from './listeners.ts';
import { carriesEpoch, listenerName } from './names.ts';

/** Resources of one proxy as Envoy's proto3 JSON, each kind sorted by name. */
export interface ProxyResources {
  /** envoy.config.cluster.v3.Cluster */
  readonly clusters: readonly JsonObject[];
  /** envoy.config.endpoint.v3.ClusterLoadAssignment: one for each cluster of type EDS. */
  readonly endpoints: readonly JsonObject[];
  /** envoy.config.listener.v3.Listener */
  readonly listeners: readonly JsonObject[];
}

/** @throws Error when the IR breaks an invariant: two routes of one kind and cluster, or two primaries of one epoch. */
export function translate(ir: ProxyIr): ProxyResources {
  const routes = ir.routes.toSorted((left, right) => (listenerName(left) < listenerName(right) ? -1 : 1));
  assertInvariants(routes);
  const targets = routes.flatMap((route) => [route, ...next(route)]);
  return {
    clusters: [...(ir.local === null ? [] : [localCluster(ir.local)]), ...targets.map(routeCluster)].toSorted(byName),
    endpoints: targets.map((route) => loadAssignment(route, ir.zone)).toSorted(byName),
    listeners: [...(ir.local === null ? [] : meshListeners(ir.local)), ...routes.map(routeListener)]
      .map((listener) => withAttempt(listener, ir.attempts?.[nameOf(listener)]))
      .toSorted(byName),
  };
}

/** The same route in the epoch that is prepared. */
function next({ nextEpoch, ...route }: RouteIr): RouteIr[] {
  return nextEpoch === undefined ? [] : [{ ...route, epoch: nextEpoch, endpoints: [] }];
}

function withAttempt(listener: JsonObject, attempt: number | undefined): JsonObject {
  return attempt === undefined ? listener : { ...listener, metadata: { filter_metadata: { howdah: { attempt } } } };
}

function assertInvariants(routes: readonly RouteIr[]): void {
  const names = routes.map(listenerName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two routes are named ${twice}`);
  const split = routes.find((route) => carriesEpoch(route.kind) && route.endpoints.length > 1);
  if (split !== undefined) throw new Error(`${listenerName(split)} has two primaries in epoch ${split.epoch}`);
}

function byName(left: JsonObject, right: JsonObject): number {
  return nameOf(left) < nameOf(right) ? -1 : 1;
}

function nameOf(resource: JsonObject): string {
  return String(resource.name ?? resource.cluster_name);
}
