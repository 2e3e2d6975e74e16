/**
 * The protocol of one stream, state of the world: what comes from the proxy and from the cache goes in, what to send
 * comes out. Does no I/O and reads no clock. One response of a type is under way at a time: what changes meanwhile is
 * merged into the next one.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */
import { type TypeContents, typeContents } from './contents.ts';
import { changedResources, sameResources, versionOf } from './diff.ts';
import { NOTHING, type NodeMemory, type Rejection, refusedBy } from './memory.ts';
import { type ProxyView, wantedClusters, wantedEndpoint, wantedListeners } from './ordering.ts';
import type { Resource, Resources } from './resource.ts';
import type { Snapshot } from './snapshot.ts';
import { includes, type Subscription, subscribe } from './subscription.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, RESOURCE_TYPES, type TypeUrl } from './type-urls.ts';

/** A request without what concerns the node. */
export interface SessionRequest {
  readonly type: TypeUrl;
  readonly names: readonly string[];
  /** Last version that the proxy accepted; '' = none. */
  readonly version: string;
  /** Nonce of the response that this answers; '' = none. */
  readonly nonce: string;
  /** The proxy refused that response, in these words; undefined = it did not. */
  readonly error: string | undefined;
}

/** A response to send. */
export interface Push {
  readonly type: TypeUrl;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
}

export type SessionEvent =
  | {
      readonly kind: 'ack';
      readonly type: TypeUrl;
      readonly version: string;
      /** From the sending to the answer. */
      readonly tookMs: number;
      /** From the publication to the answer, waiting for its turn included; null = it answers no publication. */
      readonly publishedMs: number | null;
    }
  | { readonly kind: 'nack'; readonly type: TypeUrl; readonly rejection: Rejection };

export interface Step {
  readonly pushes: readonly Push[];
  readonly events: readonly SessionEvent[];
}

/** When something happened: `now` is monotonic, `wall` ms since 1970. */
export interface Instant {
  readonly now: number;
  readonly wall: number;
}

export interface VersionMark {
  readonly version: string;
  /** Wall clock, ms since 1970. */
  readonly at: number;
}

/** What is known of one type at one proxy. */
export interface TypeStatus {
  readonly type: TypeUrl;
  /** When the proxy asked for the type first on its stream, ms since 1970. */
  readonly requestedAt: number;
  /** A response is under way and not answered yet. */
  readonly pending: boolean;
  /** And newer content waits for that answer. */
  readonly behind: boolean;
  readonly sent: VersionMark | null;
  readonly acked: VersionMark | null;
  /** What is held back from this proxy because it refused it, until a change replaces it. */
  readonly nacked: Rejection | null;
}

interface TypeState {
  subscription: Subscription | undefined;
  requestedAt: number;
  nonce: string;
  /** The version with which the proxy came to this stream. */
  claimed: string;
  unanswered: Unanswered | undefined;
  known: Resources | undefined;
  sent: VersionMark | null;
  acked: VersionMark | null;
}

interface Unanswered {
  readonly push: Push;
  /** All that the proxy has of the type once it accepted. */
  readonly after: Resources;
  /** What the proxy did not have before. */
  readonly changed: readonly Resource[];
  readonly sentAt: number;
  /** When the first of what it carries was published; undefined = it carries nothing new. */
  readonly publishedAt: number | undefined;
  /** Version of the snapshot's set that it was made from. */
  readonly setVersion: string;
}

export class Session implements ProxyView {
  readonly memory: NodeMemory;
  readonly #types = new Map<TypeUrl, TypeState>();
  /** Endpoints that go out though unchanged, because their cluster went out: without them it would never be ready. */
  readonly #resend = new Set<string>();
  /** When the first change was published that went out in no response yet, monotonic. */
  readonly #publishedAt = new Map<TypeUrl, number>();
  #snapshot: Snapshot | undefined;
  #nonce = 0;
  /** The last response about clusters went out while the one before it was not answered, or was refused. */
  #superseded = false;
  /** The proxy asked for endpoints since the last response about clusters. */
  #askedSince = false;

  constructor(memory: NodeMemory, snapshot: Snapshot | undefined) {
    this.memory = memory;
    this.#snapshot = snapshot;
  }

  onSnapshot(snapshot: Snapshot, at: Instant): Step {
    for (const type of RESOURCE_TYPES) {
      const changed = snapshot.sets[type].version !== this.#snapshot?.sets[type].version;
      if (changed && !this.#publishedAt.has(type)) this.#publishedAt.set(type, at.now);
    }
    this.#snapshot = snapshot;
    return { pushes: this.#pushes(at), events: [] };
  }

  onRequest(request: SessionRequest, at: Instant): Step {
    const state = this.#stateOf(request.type);
    // The proxy wrote this before it saw our last response; its answer to that one tells all that this does.
    if (state.nonce !== '' && request.nonce !== state.nonce) return { pushes: [], events: [] };
    if (request.type === ENDPOINT_TYPE) this.#askedSince = true;
    if (!state.subscription) {
      state.claimed = request.version;
      state.requestedAt = at.wall;
    }
    const event = this.#answered(request, state, at);
    this.#subscribe(request, state);
    return { pushes: this.#pushes(at), events: event ? [event] : [] };
  }

  status(): TypeStatus[] {
    return RESOURCE_TYPES.filter((type) => this.#types.has(type)).map((type) => {
      const { requestedAt, unanswered, sent, acked } = this.#stateOf(type);
      const pending = unanswered !== undefined;
      const behind = pending && this.#snapshot?.sets[type].version !== unanswered.setVersion;
      return { type, requestedAt, pending, behind, sent, acked, nacked: this.memory.rejection(type) };
    });
  }

  /** Resource by resource, of each type that the proxy asked for. */
  contents(): TypeContents[] {
    return RESOURCE_TYPES.flatMap((type) => {
      const state = this.#types.get(type);
      if (!state?.subscription) return [];
      const { subscription, known, unanswered } = state;
      const { memory } = this;
      const at = { sentAt: state.sent?.at ?? null, ackedAt: state.acked?.at ?? null };
      const input = { type, snapshot: this.#snapshot, memory, subscription, known, ...at };
      return [typeContents({ ...input, pending: unanswered?.after })];
    });
  }

  /** Sends what the proxy refused last of the type once more. */
  retry(type: TypeUrl, at: Instant): Step {
    this.memory.retry(type);
    return { pushes: this.#pushes(at), events: [] };
  }

  get snapshot(): Snapshot {
    if (!this.#snapshot) throw new Error('nothing is decided without a snapshot');
    return this.#snapshot;
  }

  subscription(type: TypeUrl): Subscription | undefined {
    return this.#types.get(type)?.subscription;
  }

  known(type: TypeUrl): Resources | undefined {
    return this.#types.get(type)?.known;
  }

  hasCluster({ name, version }: Resource): boolean {
    const state = this.#types.get(CLUSTER_TYPE);
    const has = (resources: Resources | undefined) => resources?.get(name)?.version === version;
    if (!has(state?.known)) return false;
    // What comes next must not take it away; nor may what came last, of which more than one part can be in force.
    return state?.unanswered
      ? has(state.unanswered.after) && !this.#superseded
      : !this.memory.hasUnacknowledged(CLUSTER_TYPE);
  }

  #stateOf(type: TypeUrl): TypeState {
    const known = this.#types.get(type);
    if (known) return known;
    const state: TypeState = {
      subscription: undefined,
      requestedAt: 0,
      nonce: '',
      claimed: '',
      unanswered: undefined,
      known: undefined,
      sent: null,
      acked: null,
    };
    this.#types.set(type, state);
    return state;
  }

  #subscribe(request: SessionRequest, state: TypeState): void {
    const subscription = subscribe(request.type, state.subscription, request.names);
    state.subscription = subscription;
    // A proxy forgets endpoints that it no longer asks for; when it asks again it needs them again.
    if (request.type !== ENDPOINT_TYPE || subscription.wildcard || !state.known) return;
    const kept = [...state.known].filter(([name]) => subscription.names.has(name));
    if (kept.length < state.known.size) state.known = new Map(kept);
  }

  #answered(request: SessionRequest, state: TypeState, at: Instant): SessionEvent | undefined {
    const unanswered = state.unanswered;
    if (!unanswered) return undefined;
    state.unanswered = undefined;
    return request.error === undefined
      ? this.#accepted(state, unanswered, at)
      : this.#refused(state, unanswered, request.error, at);
  }

  #accepted(state: TypeState, { push, after, sentAt, publishedAt }: Unanswered, at: Instant): SessionEvent {
    const { type, version } = push;
    state.known = after;
    state.acked = { version, at: at.wall };
    this.memory.accepted(type, after);
    const publishedMs = publishedAt === undefined ? null : at.now - publishedAt;
    return { kind: 'ack', type, version, tookMs: at.now - sentAt, publishedMs };
  }

  #refused(state: TypeState, { push, changed }: Unanswered, error: string, at: Instant): SessionEvent {
    const { type, version } = push;
    const refused = refusedBy(error, changed, push.resources);
    const resources = refused.map((resource) => resource.name);
    const rejection: Rejection = { version, error, resources, at: at.wall };
    this.memory.refused(type, refused, rejection);
    // Nothing of a refused response of endpoints counts as arrived.
    if (type === ENDPOINT_TYPE) {
      for (const resource of push.resources) if (state.known?.has(resource.name)) this.#resend.add(resource.name);
    }
    return { kind: 'nack', type, rejection };
  }

  #pushes(at: Instant): Push[] {
    if (!this.#snapshot) return [];
    for (const type of RESOURCE_TYPES) this.#forgetRejection(type);
    const clusters = wantedClusters(this);
    // The order of these is the order in which a proxy must get them.
    const pushes = [this.#planClusters(clusters, at), this.#planEndpoints(at), this.#planListeners(clusters, at)];
    // Nothing is under way: what was published needs no sending.
    if (![...this.#types.values()].some(({ unanswered }) => unanswered)) this.#publishedAt.clear();
    return pushes.filter((push) => push !== undefined);
  }

  /** A rejection is shown until nothing that is wanted now was refused. */
  #forgetRejection(type: TypeUrl): void {
    const rejection = this.memory.rejection(type);
    // What is offered once more is still refused until the proxy says otherwise.
    if (!rejection || this.memory.isRetrying(type)) return;
    const wanted = this.snapshot.sets[type].resources;
    const held = [...wanted.values()].some((resource) => this.memory.isRefused(resource));
    if (held) return;
    this.memory.resolved(type);
    const state = this.#types.get(type);
    if (state && !state.unanswered) state.sent = state.acked;
  }

  #planClusters(wanted: Resources, at: Instant): Push | undefined {
    const state = this.#types.get(CLUSTER_TYPE);
    if (!state?.subscription) return undefined;
    const done = state.unanswered
      ? !this.#isStuck(state.unanswered, wanted)
      : this.#isThere(CLUSTER_TYPE, state, wanted, wanted, at);
    if (done) return undefined;
    for (const cluster of wanted.values()) {
      if (!this.#hasEndpoints(cluster.endpointName) || !this.#mayChange(state, cluster)) continue;
      this.#resend.add(cluster.endpointName);
    }
    this.#superseded = this.memory.hasUnacknowledged(CLUSTER_TYPE);
    this.#askedSince = false;
    return this.#send(CLUSTER_TYPE, state, [...wanted.values()], wanted, at);
  }

  /**
   * Only what changed: endpoints that a response leaves out stay as they are. Doesn't wait for an answer about the
   * clusters: Envoy acknowledges clusters when they are warm, and for that they need their endpoints.
   */
  #planEndpoints(at: Instant): Push | undefined {
    const state = this.#readyToSend(ENDPOINT_TYPE);
    if (!state?.subscription) return undefined;
    const { wildcard, names } = state.subscription;
    const known = state.known ?? NOTHING;
    const resources: Resource[] = [];
    for (const name of wildcard ? this.snapshot.sets[ENDPOINT_TYPE].resources.keys() : names) {
      const wanted = wantedEndpoint(this, name);
      const had = known.get(name);
      if (wanted && (had?.version !== wanted.version || this.#resend.has(name))) resources.push(wanted);
      this.#resend.delete(name);
    }
    if (resources.length === 0) return undefined;
    const after = new Map(known);
    for (const resource of resources) after.set(resource.name, resource);
    return this.#send(ENDPOINT_TYPE, state, resources, after, at);
  }

  #planListeners(clusters: Resources, at: Instant): Push | undefined {
    const state = this.#readyToSend(LISTENER_TYPE);
    if (!state) return undefined;
    const { now, all, waiting } = wantedListeners(this, clusters);
    if (this.#isThere(LISTENER_TYPE, state, now, all, at)) return undefined;
    // A proxy opens its ports with the first response: it is not to open some of them only.
    if (!state.known && waiting) return undefined;
    return this.#send(LISTENER_TYPE, state, [...now.values()], now, at);
  }

  /**
   * Envoy answers about clusters when all are warm. If it asks for endpoints that it can't have, because the cluster is to
   * go again or they were refused, that is never: only clusters without that one bring the answer. A proxy that reads
   * nothing must not pile them up, so a second time it must have asked since.
   */
  #isStuck({ changed, after }: Unanswered, wanted: Resources): boolean {
    const asked = this.subscription(ENDPOINT_TYPE);
    if (this.#superseded && !this.#askedSince) return false;
    const isCold = ({ endpointName: name }: Resource) =>
      asked !== undefined && includes(asked, name) && !this.#hasEndpoints(name) && !wantedEndpoint(this, name);
    return changed.some(isCold) && !sameResources(wanted, after);
  }

  /** The proxy got these endpoints, or they are on their way. */
  #hasEndpoints(name: string): boolean {
    const state = this.#types.get(ENDPOINT_TYPE);
    return (state?.unanswered?.after ?? state?.known)?.has(name) ?? false;
  }

  /** The state of a type that the proxy asked for and that no response is under way of. */
  #readyToSend(type: TypeUrl): TypeState | undefined {
    const state = this.#types.get(type);
    return state?.subscription && !state.unanswered ? state : undefined;
  }

  /** The proxy may have another version, or none. */
  #mayChange(state: TypeState, resource: Resource): boolean {
    if (state.known?.get(resource.name)?.version !== resource.version) return true;
    const others = [...this.memory.unacknowledged(resource.typeUrl)];
    return others.some(({ name, version }) => name === resource.name && version !== resource.version);
  }

  /**
   * The proxy has `now` already: from this stream, or `all` of it from an earlier one, as its first request says. After a
   * refusal it is not known what it has until it accepts something.
   */
  #isThere(type: TypeUrl, state: TypeState, now: Resources, all: Resources, at: Instant): boolean {
    if (this.memory.hasUnacknowledged(type)) return false;
    if (state.known) return sameResources(now, state.known);
    if (state.claimed === '' || state.claimed !== versionOf(all.values())) return false;
    state.known = all;
    state.acked = { version: state.claimed, at: at.wall };
    state.sent = state.acked;
    this.memory.accepted(type, all);
    return true;
  }

  #send(
    type: TypeUrl,
    state: TypeState,
    resources: readonly Resource[],
    after: Resources,
    at: Instant,
  ): Push | undefined {
    const version = versionOf(resources);
    if (this.memory.isRefusedResponse(type, version)) return undefined;
    this.#nonce += 1;
    const push: Push = { type, version, nonce: String(this.#nonce), resources };
    // What it took before, also on an earlier stream, is not what it refuses now.
    const changed = changedResources(after, state.known ?? this.memory.good(type));
    state.nonce = push.nonce;
    this.memory.sent(type, resources);
    const publishedAt = this.#publishedAt.get(type);
    this.#publishedAt.delete(type);
    const setVersion = this.snapshot.sets[type].version;
    state.unanswered = { push, after, changed, sentAt: at.now, publishedAt, setVersion };
    state.sent = { version: push.version, at: at.wall };
    return push;
  }
}
