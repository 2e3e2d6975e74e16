/**
 * The resource types that are served, in the order in which a proxy must get them.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 */
export const CLUSTER_TYPE = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
export const ENDPOINT_TYPE = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
export const LISTENER_TYPE = 'type.googleapis.com/envoy.config.listener.v3.Listener';

export const RESOURCE_TYPES = [CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE] as const;
export type TypeUrl = (typeof RESOURCE_TYPES)[number];

export function isTypeUrl(url: string): url is TypeUrl {
  return RESOURCE_TYPES.some((known) => known === url);
}
