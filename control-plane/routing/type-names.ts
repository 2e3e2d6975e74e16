// Short names of resource types, as Envoy's documentation has them. Pure.
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from '../../xds/type-urls.ts';

/** In the order in which a proxy gets them. */
export const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [CLUSTER_TYPE, 'CDS'],
  [ENDPOINT_TYPE, 'EDS'],
  [LISTENER_TYPE, 'LDS'],
  ['type.googleapis.com/envoy.config.route.v3.RouteConfiguration', 'RDS'],
  ['type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret', 'SDS'],
  ['type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig', 'ECDS'],
  ['type.googleapis.com/envoy.service.runtime.v3.Runtime', 'RTDS'],
]);

/** What every proxy of ours asks for. */
export const USUAL_TYPES = [CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE] as const;

/** The last word of a type that has none. */
export function shortName(type: string): string {
  return SHORT_NAMES.get(type) ?? type.slice(type.lastIndexOf('.') + 1);
}
