/**
 * Make before break. A listener goes out when the proxy has the clusters that it mentions and their endpoints; a cluster
 * leaves when no listener that the proxy has mentions it. So traffic never meets a cluster that is not there. The same
 * holds for routes and extensions. Only where all types travel on one stream: between streams there is no order.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 */
import type { NodeMemory } from './memory.ts';
import type { Resource, Resources } from './resource.ts';
import type { Snapshot } from './snapshot.ts';
import { includes, type Subscription } from './subscription.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, RESOURCE_TYPES, TYPES, type TypeUrl } from './type-urls.ts';

/** What the decisions are made from. */
export interface ProxyView {
  readonly snapshot: Snapshot;
  readonly memory: NodeMemory;
  /** The stream carries all types. */
  readonly aggregated: boolean;
  /** undefined = the proxy never asked for the type on this stream. */
  subscription(type: TypeUrl): Subscription | undefined;
  /** What the proxy acknowledged on this stream; undefined = nothing was sent yet. */
  known(type: TypeUrl): Resources | undefined;
  /** What it has once it accepts what is under way; undefined = nothing is. */
  pending(type: TypeUrl): Resources | undefined;
  /** The proxy acknowledged this version of the cluster, and nothing that is under way changes it. */
  hasCluster(cluster: Resource): boolean;
}

/** All clusters that the proxy is to have now. */
export function wantedClusters(view: ProxyView): Resources {
  const sendable = sendableOf(view, CLUSTER_TYPE);
  if (!view.aggregated) return sendable;
  let wanted: Map<string, Resource> | undefined;
  // A cluster whose endpoints were refused would never be warm, and hold up all that is said of clusters after it.
  if (view.memory.hasRefused) {
    for (const { name, endpointName } of sendable.values()) {
      if (endpointName === '' || wantedEndpoint(view, endpointName)) continue;
      wanted ??= new Map(sendable);
      wanted.delete(name);
    }
  }
  const known = view.known(CLUSTER_TYPE) ?? view.memory.good(CLUSTER_TYPE);
  if (wanted === undefined && isWithin(known, sendable)) return sendable;
  wanted ??= new Map(sendable);
  for (const { mentions } of inUse(view)) {
    for (const name of mentions) {
      const cluster = wanted.has(name) ? undefined : known.get(name);
      if (cluster && !view.memory.isRefused(cluster)) wanted.set(name, cluster);
    }
  }
  return wanted;
}

/** The endpoints of that name that the proxy is to have now. Those of a cluster that leaves last stay as they were. */
export function wantedEndpoint(view: ProxyView, name: string): Resource | undefined {
  const wanted = view.snapshot.sets[ENDPOINT_TYPE].resources.get(name);
  if (wanted) return view.memory.sendable(ENDPOINT_TYPE, wanted);
  const last = view.memory.good(ENDPOINT_TYPE).get(name);
  return last && !view.memory.isRefused(last) ? last : undefined;
}

/**
 * Those of clusters that leave last are among them. A proxy that acknowledged that a cluster is gone asks for its endpoints
 * no longer, so it need not be told that they are.
 * @param clusters what wantedClusters answered
 */
export function wantedEndpoints(view: ProxyView, clusters: Resources): Resources {
  const sendable = sendableOf(view, ENDPOINT_TYPE);
  const subscription = view.subscription(ENDPOINT_TYPE);
  if (!view.aggregated || !subscription) return sendable;
  if (!subscription.wildcard && sendable.size === subscription.names.size) return sendable;
  const offered = view.snapshot.sets[ENDPOINT_TYPE].resources;
  let wanted: Map<string, Resource> | undefined;
  for (const some of [clusters, view.known(CLUSTER_TYPE), view.pending(CLUSTER_TYPE)]) {
    for (const { endpointName: name } of some?.values() ?? []) {
      if (name === '' || offered.has(name) || !includes(subscription, name)) continue;
      const last = wantedEndpoint(view, name);
      if (!last) continue;
      wanted ??= new Map(sendable);
      wanted.set(name, last);
    }
  }
  return wanted ?? sendable;
}

/** What neither waits for clusters nor is waited for; what a listener that the proxy has mentions goes after it. */
export function wantedOthers(view: ProxyView, type: TypeUrl): Resources {
  const sendable = sendableOf(view, type);
  return type === LISTENER_TYPE ? sendable : withMentioned(view, type, sendable);
}

export interface WantedNow {
  /** Those that are ready, and instead of those that are not what the proxy has. */
  readonly now: Resources;
  /** The set once all are ready. */
  readonly all: Resources;
  /** Something is on its way to the proxy that one of them waits for. */
  readonly waiting: boolean;
}

/**
 * Of a type that names clusters.
 * @param clusters what wantedClusters answered
 */
export function wantedNaming(view: ProxyView, type: TypeUrl, clusters: Resources): WantedNow {
  const all = wantedOthers(view, type);
  if (!view.aggregated) return { now: all, all, waiting: false };
  const known = view.known(type);
  if (known === all) return { now: all, all, waiting: false };
  let now: Map<string, Resource> | undefined;
  let waiting = false;
  for (const resource of all.values()) {
    const current = known?.get(resource.name);
    const readiness = current?.version === resource.version ? 'ready' : readinessOf(view, resource, clusters);
    if (readiness === 'ready') continue;
    if (readiness === 'waiting') waiting = true;
    now ??= new Map(all);
    if (current) now.set(current.name, current);
    else now.delete(resource.name);
  }
  return { now: now ?? all, all, waiting };
}

/** `blocked`: the proxy refused what the listener needs, and only a change helps. */
type Readiness = 'ready' | 'waiting' | 'blocked';

function readinessOf(view: ProxyView, resource: Resource, clusters: Resources): Readiness {
  let readiness: Readiness = 'ready';
  for (const name of resource.mentions) {
    const needed = clusterReadiness(view, name, clusters);
    if (needed === 'blocked') return 'blocked';
    if (needed === 'waiting') readiness = 'waiting';
  }
  return readiness;
}

function clusterReadiness(view: ProxyView, name: string, clusters: Resources): Readiness {
  const subscription = view.subscription(CLUSTER_TYPE);
  if (!subscription || !includes(subscription, name)) return 'ready';
  const cluster = clusters.get(name);
  // A text that is no cluster's name needs nothing.
  if (!cluster) return view.snapshot.sets[CLUSTER_TYPE].resources.has(name) ? 'blocked' : 'ready';
  if (!view.hasCluster(cluster)) return 'waiting';
  return cluster.endpointName === '' ? 'ready' : endpointReadiness(view, cluster.endpointName);
}

function endpointReadiness(view: ProxyView, name: string): Readiness {
  if (!wantedEndpoint(view, name)) {
    return view.snapshot.sets[ENDPOINT_TYPE].resources.has(name) ? 'blocked' : 'ready';
  }
  // Any version will do: endpoints that change all the time are not to hold a listener up.
  return view.known(ENDPOINT_TYPE)?.has(name) ? 'ready' : 'waiting';
}

/** What is gone from the snapshot stays as long as a listener that the proxy has mentions it. */
function withMentioned(view: ProxyView, type: TypeUrl, sendable: Resources): Resources {
  const known = view.known(type);
  if (!view.aggregated || !known || isWithin(known, sendable)) return sendable;
  const offered = view.snapshot.sets[type].resources;
  const wanted = new Map(sendable);
  for (const listener of inUseOf(view, LISTENER_TYPE)) {
    for (const [name, resource] of known) {
      const stays = !wanted.has(name) && !offered.has(name) && listener.mentions.includes(name);
      if (stays && !view.memory.isRefused(resource)) wanted.set(name, resource);
    }
  }
  return wanted;
}

function* inUse(view: ProxyView): Iterable<Resource> {
  for (const type of RESOURCE_TYPES) if (TYPES[type].namesClusters) yield* inUseOf(view, type);
}

/**
 * Those that the proxy has, may have, or gets again because a newer version was refused. Those of an earlier stream count
 * until it acknowledges some on this one: whether it was only the stream that broke is not known before.
 */
function* inUseOf(view: ProxyView, type: TypeUrl): Iterable<Resource> {
  const { memory, snapshot } = view;
  const subscription = view.subscription(type);
  // Of a type that is asked for by name, what is no longer asked for is no longer there.
  const mayHave = ({ name }: Resource) =>
    TYPES[type].fullState || (subscription !== undefined && includes(subscription, name));
  for (const resource of memory.good(type).values()) if (mayHave(resource)) yield resource;
  for (const resource of memory.unacknowledged(type)) if (mayHave(resource)) yield resource;
  if (!memory.hasRefused) return;
  for (const resource of snapshot.sets[type].resources.values()) {
    const sendable = memory.sendable(type, resource);
    if (sendable && sendable !== resource && mayHave(sendable)) yield sendable;
  }
}

/** Shares the snapshot's own map where the proxy is to have just that: there are many proxies. */
function sendableOf(view: ProxyView, type: TypeUrl): Resources {
  const subscription = view.subscription(type);
  const offered = view.snapshot.sets[type].resources;
  if (!subscription) return NOTHING_WANTED;
  const { wildcard, names } = subscription;
  if (!view.memory.hasRefused) {
    if (wildcard || (names.size === offered.size && isAll(names, offered))) return offered;
  }
  const sendable = new Map<string, Resource>();
  for (const name of wildcard ? offered.keys() : names) {
    const resource = offered.get(name);
    const next = resource && view.memory.sendable(type, resource);
    if (next) sendable.set(next.name, next);
  }
  return sendable;
}

const NOTHING_WANTED: Resources = new Map();

function isAll(names: ReadonlySet<string>, resources: Resources): boolean {
  for (const name of names) if (!resources.has(name)) return false;
  return true;
}

function isWithin(part: Resources, whole: Resources): boolean {
  if (part === whole) return true;
  for (const name of part.keys()) if (!whole.has(name)) return false;
  return true;
}
