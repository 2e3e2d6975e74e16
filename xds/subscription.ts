/**
 * Which resources of one type a proxy asked for.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
import { CLUSTER_TYPE, LISTENER_TYPE, type TypeUrl } from './type-urls.ts';

export interface Subscription {
  /** All resources that the node may have. */
  readonly wildcard: boolean;
  readonly names: ReadonlySet<string>;
  /** Every request so far named nothing. Only then does naming nothing mean everything. */
  readonly unnamed: boolean;
}

const WILDCARD = '*';

/**
 * @param previous undefined before the stream's first request for the type
 * @param names what the request lists: always the whole subscription, never a difference
 */
export function subscribe(type: TypeUrl, previous: Subscription | undefined, names: readonly string[]): Subscription {
  const unnamed = names.length === 0 && (previous?.unnamed ?? true);
  const wildcard = names.includes(WILDCARD) || (unnamed && namesNothingForAll(type));
  return { wildcard, names: new Set(names.filter((name) => name !== WILDCARD)), unnamed };
}

export function includes(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

function namesNothingForAll(type: TypeUrl): boolean {
  return type === CLUSTER_TYPE || type === LISTENER_TYPE;
}
