/**
 * The protocol of one stream, in both variants: what comes from the proxy and from the cache goes in, what to send comes
 * out. Does no I/O and reads no clock. One response of a type is under way at a time: what changes meanwhile is merged
 * into the next one. The variants share all that is decided here; they differ in how a request speaks of a subscription
 * (type-state.ts) and in what of a difference a response carries (content.ts).
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */

import { contentOf, fingerprintOf } from './content.ts';
import { type TypeContents, typeContents } from './contents.ts';
import { changedResources, difference, sameResources, versionOfAll } from './diff.ts';
import { dueHeartbeats, heartbeatResources, nextHeartbeat, scheduleHeartbeat } from './heartbeat.ts';
import { NOTHING, type NodeMemory, type Rejection, refusedBy } from './memory.ts';
import {
  type ProxyView,
  wantedClusters,
  wantedEndpoint,
  wantedEndpoints,
  wantedNaming,
  wantedOthers,
} from './ordering.ts';
import type { Resource, Resources } from './resource.ts';
import {
  type Instant,
  isDelta,
  type Push,
  type SessionEvent,
  type SessionRequest,
  type Step,
  type TypeStatus,
  type Unanswered,
  type Variant,
} from './session-types.ts';
import type { Snapshot } from './snapshot.ts';
import { includes, type Subscription } from './subscription.ts';
import { TypeState } from './type-state.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, RESOURCE_TYPES, TYPES, type TypeUrl } from './type-urls.ts';

export interface SessionOptions {
  /** Of the stream's node, across its streams. */
  readonly memory: NodeMemory;
  readonly variant: Variant;
  /** The stream carries all types, in an order; else a single one. */
  readonly aggregated: boolean;
  /** The proxy understands a time to live. */
  readonly ttl: boolean;
  /** undefined = nothing is known of the node yet: the proxy waits. */
  readonly snapshot: Snapshot | undefined;
}

const SILENCE: Step = { pushes: [], events: [] };

export class Session implements ProxyView {
  readonly memory: NodeMemory;
  readonly aggregated: boolean;
  readonly #variant: Variant;
  readonly #ttl: boolean;
  readonly #types = new Map<TypeUrl, TypeState>();
  #snapshot: Snapshot | undefined;
  #nonce = 0;
  #paused = false;
  /** Clusters in the last response about them that the proxy had in another version, or not at all. */
  #mayWarm: readonly Resource[] = [];
  /** The last response about clusters went out while the one before it was not answered, or was refused. */
  #superseded = false;
  /** The proxy asked for endpoints since the last response about clusters. */
  #askedSince = false;

  constructor({ memory, variant, aggregated, ttl, snapshot }: SessionOptions) {
    this.memory = memory;
    this.aggregated = aggregated;
    this.#variant = variant;
    this.#ttl = ttl;
    this.#snapshot = snapshot;
  }

  onSnapshot(snapshot: Snapshot, at: Instant): Step {
    for (const [type, state] of this.#types) {
      if (snapshot.sets[type].version !== this.#snapshot?.sets[type].version) state.publishedAt ??= at.now;
    }
    this.#snapshot = snapshot;
    return { pushes: this.#pushes(at), events: [] };
  }

  /** @param snapshot what the node is to have now; undefined = it keeps what it has */
  onRequest(request: SessionRequest, at: Instant, snapshot: Snapshot | undefined = this.#snapshot): Step {
    this.#snapshot = snapshot ?? this.#snapshot;
    const state = this.#stateOf(request.type);
    const answers = state.nonce === request.nonce;
    // State of the world: the proxy wrote this before it saw our last response; its answer to that tells all that this does.
    if (!isDelta(request) && state.nonce !== '' && !answers) return SILENCE;
    if (request.type === ENDPOINT_TYPE) this.#askedSince = true;
    if (!state.subscription) state.requestedAt = at.wall;
    const event = request.nonce !== '' && answers ? this.#answered(request.error, state, at) : undefined;
    this.#subscribe(request, state);
    return { pushes: this.#pushes(at), events: event ? [event] : [] };
  }

  /** Time has passed: heartbeats may be due. */
  onTimer(at: Instant): Step {
    return { pushes: this.#pushes(at), events: [] };
  }

  /** When onTimer is to be called, monotonic; undefined = no resource has a time to live. */
  get timerAt(): number | undefined {
    return this.#ttl ? nextHeartbeat(this.#types.values()) : undefined;
  }

  /** The connection takes nothing more: what changes is merged until it does. */
  pause(): void {
    this.#paused = true;
  }

  resume(at: Instant, snapshot: Snapshot | undefined): Step {
    this.#paused = false;
    return snapshot ? this.onSnapshot(snapshot, at) : { pushes: this.#pushes(at), events: [] };
  }

  /** How many types the proxy asked for. */
  get typeCount(): number {
    return this.#types.size;
  }

  /** No response waits for its answer. */
  get isQuiet(): boolean {
    return ![...this.#types.values()].some(({ unanswered }) => unanswered);
  }

  status(): TypeStatus[] {
    return RESOURCE_TYPES.flatMap((type) => {
      const state = this.#types.get(type);
      if (!state) return [];
      return [state.status(this.#snapshot?.sets[type].version, this.memory.rejection(type))];
    });
  }

  /** Resource by resource, of each type that the proxy asked for. */
  contents(): TypeContents[] {
    return RESOURCE_TYPES.flatMap((type) => {
      const state = this.#types.get(type);
      if (!state?.subscription) return [];
      const { subscription, known, unanswered, sent, acked } = state;
      const times = { sentAt: sent?.at ?? null, ackedAt: acked?.at ?? null };
      const given = { type, snapshot: this.#snapshot, memory: this.memory, subscription, known, ...times };
      return [typeContents({ ...given, pending: unanswered?.after })];
    });
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

  pending(type: TypeUrl): Resources | undefined {
    return this.#types.get(type)?.unanswered?.after;
  }

  hasCluster({ name, version }: Resource): boolean {
    const state = this.#types.get(CLUSTER_TYPE);
    if (state?.known?.get(name)?.version !== version || state.uncertain.has(name)) return false;
    // What comes next must not take it away.
    return !state.unanswered || state.unanswered.after.get(name)?.version === version;
  }

  #stateOf(type: TypeUrl): TypeState {
    const known = this.#types.get(type);
    if (known) return known;
    const state = new TypeState(type);
    this.#types.set(type, state);
    return state;
  }

  #subscribe(request: SessionRequest, state: TypeState): void {
    if (!isDelta(request)) {
      state.subscribe(request);
      return;
    }
    const { type } = request;
    const isFirst = state.subscription === undefined;
    state.subscribeDelta(request, this.memory.good(type), this.memory.unacknowledged(type));
    if (!isFirst) return;
    if (type === ENDPOINT_TYPE) this.#warm(state);
    if (!state.known) return;
    if (this.#snapshot) state.resolveGhosts(this.#snapshot);
    this.memory.brought(type, state.known);
  }

  /** Clusters went out before the proxy told on this stream that it has their endpoints: they need them once more. */
  #warm(endpoints: TypeState): void {
    if (!this.pending(CLUSTER_TYPE)) return;
    for (const { endpointName } of this.#mayWarm) {
      if (endpoints.subscription && includes(endpoints.subscription, endpointName)) endpoints.addDue(endpointName);
    }
  }

  #answered(error: string | undefined, state: TypeState, at: Instant): SessionEvent | undefined {
    const { unanswered } = state;
    if (!unanswered) return undefined;
    state.unanswered = undefined;
    if (unanswered.push.heartbeat) return undefined;
    return error === undefined ? this.#accepted(state, unanswered, at) : this.#refused(state, unanswered, error, at);
  }

  #accepted(state: TypeState, unanswered: Unanswered, at: Instant): SessionEvent {
    const { push, after, sentAt, publishedAt } = unanswered;
    const { type, version } = push;
    state.accepted(unanswered);
    state.acked = { version, at: at.wall };
    if (this.aggregated || TYPES[type].fullState) this.memory.accepted(type, state.known ?? after);
    else {
      const told = new Set([...push.removed, ...push.resources.map(({ name }) => name)]);
      const offered = this.#snapshot?.sets[type].resources ?? NOTHING;
      this.memory.acceptedPart(type, state.known ?? after, told, (name) => offered.has(name));
    }
    const publishedMs = publishedAt === undefined ? null : at.now - publishedAt;
    return { kind: 'ack', type, version, tookMs: at.now - sentAt, publishedMs };
  }

  #refused(state: TypeState, unanswered: Unanswered, error: string, at: Instant): SessionEvent {
    const { push, changed } = unanswered;
    const { type, version } = push;
    // Where nothing changed that it took on this stream, it is a removal that it refuses.
    const refused = refusedBy(error, changed, push.resources, state.known && changed);
    const resources = refused.map((resource) => resource.name);
    const rejection: Rejection = { version, error, resources, at: at.wall };
    this.memory.refused(type, refused, rejection, fingerprintOf(this.#variant, push));
    // State of the world is said anew, so that nothing is open; delta only says what it must.
    const absent = this.#variant === 'delta' ? state.absentOf(refused) : [];
    state.doubt(unanswered);
    state.settle(absent);
    this.memory.lacks(type, absent);
    return { kind: 'nack', type, rejection };
  }

  #pushes(at: Instant): Push[] {
    if (!this.#snapshot || this.#paused) return [];
    for (const state of this.#types.values()) state.resolveGhosts(this.#snapshot);
    const clusters = this.#types.has(CLUSTER_TYPE) || this.aggregated ? wantedClusters(this) : NOTHING;
    const pushes: Push[] = [];
    // The order of these is the order in which a proxy must get them.
    for (const type of RESOURCE_TYPES) {
      const state = this.#types.get(type);
      if (!state?.subscription) continue;
      const push = this.#plan(state, clusters, at);
      if (push) pushes.push(push);
      else if (!state.unanswered) this.#rest(type, state);
    }
    if (this.#ttl) for (const state of dueHeartbeats(this.#types.values(), at.now)) pushes.push(this.#beat(state, at));
    return pushes;
  }

  /** Nothing is to be sent and nothing under way: what was refused and is not wanted any more is history. */
  #rest(type: TypeUrl, state: TypeState): void {
    state.publishedAt = undefined;
    if (!this.memory.rejection(type)) return;
    const wanted = this.snapshot.sets[type].resources;
    if ([...wanted.values()].some((resource) => this.memory.isRefused(resource))) return;
    this.memory.resolved(type);
    state.sent = state.acked;
  }

  #plan(state: TypeState, clusters: Resources, at: Instant): Push | undefined {
    const { typeUrl, namesClusters } = state.type;
    if (typeUrl === CLUSTER_TYPE) return this.#planClusters(state, clusters, at);
    if (state.unanswered) return undefined;
    // Doesn't wait for an answer about the clusters: Envoy acknowledges them when they are warm, and for that they need
    // their endpoints.
    if (typeUrl === ENDPOINT_TYPE) return this.#send(state, wantedEndpoints(this, clusters), at);
    if (!namesClusters) return this.#send(state, wantedOthers(this, typeUrl), at);
    const { now, all, waiting } = wantedNaming(this, typeUrl, clusters);
    if (this.#isThere(state, all, at)) return undefined;
    // A proxy opens its ports with the first response: it is not to open some of them only.
    if (typeUrl === LISTENER_TYPE && !state.known && waiting) return undefined;
    return this.#send(state, now, at);
  }

  #planClusters(state: TypeState, wanted: Resources, at: Instant): Push | undefined {
    if (state.unanswered) {
      if (!this.#isStuck(state.unanswered, wanted)) return undefined;
      state.doubt(state.unanswered);
    } else if (this.#isThere(state, wanted, at)) return undefined;
    const endpoints = this.#types.get(ENDPOINT_TYPE);
    // Without their endpoints clusters that change would never be ready, also where the endpoints did not change.
    const mayWarm = [...wanted.values()].filter(
      ({ name, version }) => state.known?.get(name)?.version !== version || state.uncertain.has(name),
    );
    const cold = mayWarm.filter(({ endpointName }) => endpoints && this.#hasEndpoints(endpointName));
    const superseded = state.uncertain.size > 0;
    const push = this.#send(state, wanted, at);
    if (!push) return undefined;
    this.#mayWarm = mayWarm;
    this.#superseded = superseded;
    this.#askedSince = false;
    for (const { endpointName } of cold) endpoints?.addDue(endpointName);
    return push;
  }

  /**
   * Envoy answers about clusters when all are warm. If it asks for endpoints that it can't have, because the cluster is to
   * go again or they were refused, that is never: only clusters without that one bring the answer. A proxy that reads
   * nothing must not pile them up, so a second time it must have asked since.
   */
  #isStuck({ after }: Unanswered, wanted: Resources): boolean {
    const asked = this.subscription(ENDPOINT_TYPE);
    if (!this.aggregated || (this.#superseded && !this.#askedSince)) return false;
    const isCold = ({ endpointName: name }: Resource) =>
      asked !== undefined && includes(asked, name) && !this.#hasEndpoints(name) && !wantedEndpoint(this, name);
    return this.#mayWarm.some(isCold) && !sameResources(wanted, after);
  }

  /** The proxy got these endpoints, or they are on their way. */
  #hasEndpoints(name: string): boolean {
    const state = this.#types.get(ENDPOINT_TYPE);
    return (state?.unanswered?.after ?? state?.known)?.has(name) ?? false;
  }

  /** State of the world: the proxy has `all` of it from an earlier stream, as its first request says. */
  #isThere(state: TypeState, all: Resources, at: Instant): boolean {
    const { typeUrl, fullState } = state.type;
    if (this.#variant === 'delta' || !fullState || state.known || state.claimed === '') return false;
    if (this.memory.hasUnacknowledged(typeUrl) || state.claimed !== versionOfAll(all, this.snapshot.sets[typeUrl]))
      return false;
    state.known = all;
    state.owed = false;
    state.acked = { version: state.claimed, at: at.wall };
    state.sent = state.acked;
    this.memory.accepted(typeUrl, all);
    return true;
  }

  #send(state: TypeState, wanted: Resources, at: Instant): Push | undefined {
    const { typeUrl } = state.type;
    const offered = this.snapshot.sets[typeUrl];
    const found = difference(state, wanted, offered.resources);
    const content = contentOf(this.#variant, state, wanted, offered, found);
    if (!content) {
      state.settleDue(found.open);
      // It came with all of it from an earlier stream.
      if (state.known && !state.acked)
        state.acked = state.sent = { version: versionOfAll(wanted, offered), at: at.wall };
      return undefined;
    }
    if (this.memory.hasRefused) {
      if (this.memory.isRefusedResponse(typeUrl, fingerprintOf(this.#variant, content))) return undefined;
    }
    const { resources, removed, after, version } = content;
    this.#nonce += 1;
    const push: Push = {
      type: typeUrl,
      version,
      nonce: String(this.#nonce),
      resources,
      removed,
      heartbeat: false,
      ttl: this.#ttl,
    };
    // What it took before, also on an earlier stream, is not what it refuses now.
    const changed = changedResources(after, state.known ?? this.memory.good(typeUrl));
    state.nonce = push.nonce;
    state.settleDue(found.open);
    this.memory.sent(typeUrl, resources);
    const { publishedAt } = state;
    state.publishedAt = undefined;
    state.unanswered = { push, after, changed, sentAt: at.now, publishedAt, setVersion: offered.version };
    state.sent = { version, at: at.wall };
    if (this.#ttl) scheduleHeartbeat(state, after, at.now);
    return push;
  }

  #beat(state: TypeState, at: Instant): Push {
    const known = state.known ?? NOTHING;
    const resources = heartbeatResources(known, this.#variant === 'sotw' && state.type.fullState);
    const version = state.acked?.version ?? '';
    this.#nonce += 1;
    const nonce = String(this.#nonce);
    const push: Push = { type: state.type.typeUrl, version, nonce, resources, removed: [], heartbeat: true, ttl: true };
    state.nonce = nonce;
    const setVersion = this.snapshot.sets[state.type.typeUrl].version;
    const none = { changed: [], publishedAt: undefined };
    state.unanswered = { ...none, push, after: known, sentAt: at.now, setVersion };
    return push;
  }
}
