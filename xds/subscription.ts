/**
 * Which resources of one type a proxy asked for.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
import { TYPES, type TypeUrl } from './type-urls.ts';

export interface Subscription {
  /** All resources that the node may have. */
  readonly wildcard: boolean;
  readonly names: ReadonlySet<string>;
  /** Every request so far named nothing. Only then does naming nothing mean everything. */
  readonly unnamed: boolean;
}

export const WILDCARD = '*';
const NO_NAMES: ReadonlySet<string> = new Set();

/**
 * State of the world. The same subscription object when nothing changed.
 * @param previous undefined before the stream's first request for the type
 * @param names what the request lists: always the whole subscription, never a difference
 */
export function subscribe(type: TypeUrl, previous: Subscription | undefined, names: readonly string[]): Subscription {
  const unnamed = names.length === 0 && (previous?.unnamed ?? true);
  const wildcard = names.includes(WILDCARD) || (unnamed && TYPES[type].legacyWildcard);
  const named = wildcard ? names.filter((name) => name !== WILDCARD) : names;
  return changed(previous, wildcard, named.length === 0 ? NO_NAMES : new Set(named), unnamed);
}

/**
 * Delta: both lists are differences. Naming nothing in the first request means everything, in later ones nothing.
 * @param previous undefined before the stream's first request for the type
 */
export function subscribeDelta(
  type: TypeUrl,
  previous: Subscription | undefined,
  added: readonly string[],
  dropped: readonly string[],
): Subscription {
  if (previous && added.length === 0 && dropped.length === 0) return previous;
  const isLegacy = !previous && added.length === 0 && TYPES[type].legacyWildcard;
  const names = new Set(previous?.names);
  let wildcard = (previous?.wildcard ?? false) || isLegacy;
  for (const name of added) {
    if (name === WILDCARD) wildcard = true;
    else names.add(name);
  }
  for (const name of dropped) {
    if (name === WILDCARD) wildcard = false;
    else names.delete(name);
  }
  return changed(previous, wildcard, names.size === 0 ? NO_NAMES : names, isLegacy);
}

export function includes(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

/** All of `part` is in `whole`. */
export function isWithin(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  for (const name of part) if (!whole.has(name)) return false;
  return true;
}

function changed(
  previous: Subscription | undefined,
  wildcard: boolean,
  names: ReadonlySet<string>,
  unnamed: boolean,
): Subscription {
  const same =
    previous?.wildcard === wildcard &&
    previous.unnamed === unnamed &&
    previous.names.size === names.size &&
    isWithin(names, previous.names);
  return same ? previous : { wildcard, names, unnamed };
}
