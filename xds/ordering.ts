/**
 * Make before break. A listener goes out when the proxy has the clusters that it mentions and their endpoints; a cluster
 * leaves when no listener that the proxy has mentions it. So traffic never meets a cluster that is not there.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 */
import type { NodeMemory } from './memory.ts';
import type { Resource, Resources } from './resource.ts';
import type { Snapshot } from './snapshot.ts';
import { includes, type Subscription } from './subscription.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, type TypeUrl } from './type-urls.ts';

/** What the decisions are made from. */
export interface ProxyView {
  readonly snapshot: Snapshot;
  readonly memory: NodeMemory;
  /** undefined = the proxy never asked for the type on this stream. */
  subscription(type: TypeUrl): Subscription | undefined;
  /** What the proxy acknowledged on this stream; undefined = nothing was sent yet. */
  known(type: TypeUrl): Resources | undefined;
  /** The proxy acknowledged this version of the cluster, and nothing that is under way changes it. */
  hasCluster(cluster: Resource): boolean;
}

/** All clusters that the proxy is to have now. */
export function wantedClusters(view: ProxyView): Map<string, Resource> {
  const wanted = sendableOf(view, CLUSTER_TYPE);
  // A cluster whose endpoints were refused would never be warm, and hold up all that is said of clusters after it.
  for (const { name, endpointName } of [...wanted.values()]) {
    if (endpointName !== '' && !wantedEndpoint(view, endpointName)) wanted.delete(name);
  }
  const known = view.known(CLUSTER_TYPE) ?? view.memory.good(CLUSTER_TYPE);
  for (const listener of listenersInUse(view)) {
    for (const name of listener.mentions) {
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

export interface WantedListeners {
  /** Those that are ready, and instead of those that are not what the proxy has. */
  readonly now: Map<string, Resource>;
  /** The set once all are ready. */
  readonly all: Map<string, Resource>;
  /** Something is on its way to the proxy that a listener waits for. */
  readonly waiting: boolean;
}

/** @param clusters what wantedClusters answered */
export function wantedListeners(view: ProxyView, clusters: Resources): WantedListeners {
  const all = sendableOf(view, LISTENER_TYPE);
  const now = new Map<string, Resource>();
  const known = view.known(LISTENER_TYPE);
  let waiting = false;
  for (const listener of all.values()) {
    const current = known?.get(listener.name);
    const readiness = current?.version === listener.version ? 'ready' : readinessOf(view, listener, clusters);
    if (readiness === 'waiting') waiting = true;
    const next = readiness === 'ready' ? listener : current;
    if (next) now.set(next.name, next);
  }
  return { now, all, waiting };
}

/** `blocked`: the proxy refused what the listener needs, and only a change helps. */
type Readiness = 'ready' | 'waiting' | 'blocked';

function readinessOf(view: ProxyView, listener: Resource, clusters: Resources): Readiness {
  let readiness: Readiness = 'ready';
  for (const name of listener.mentions) {
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

/**
 * Listeners that the proxy has, may have, or gets again because a newer version was refused. Those of an earlier stream
 * count until it acknowledges some on this one: whether it was only the stream that broke is not known before.
 */
function* listenersInUse(view: ProxyView): Iterable<Resource> {
  yield* view.memory.good(LISTENER_TYPE).values();
  yield* view.memory.unacknowledged(LISTENER_TYPE);
  for (const listener of view.snapshot.sets[LISTENER_TYPE].resources.values()) {
    const sendable = view.memory.sendable(LISTENER_TYPE, listener);
    if (sendable && sendable !== listener) yield sendable;
  }
}

function sendableOf(view: ProxyView, type: TypeUrl): Map<string, Resource> {
  const subscription = view.subscription(type);
  const sendable = new Map<string, Resource>();
  if (!subscription) return sendable;
  for (const resource of view.snapshot.sets[type].resources.values()) {
    const next = includes(subscription, resource.name) ? view.memory.sendable(type, resource) : undefined;
    if (next) sendable.set(next.name, next);
  }
  return sendable;
}
