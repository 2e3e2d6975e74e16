/** One stream: carries between the call, its session and the cache. */
import { status } from '@grpc/grpc-js';
import type { CallHandler, ServerCall } from '../grpc/call.ts';
import type { JsonObject } from '../proto/json.ts';
import type { Membership, SnapshotCache } from './cache.ts';
import type { XdsLimits } from './limits.ts';
import type { ParsedRequest, XdsHooks } from './server.ts';
import { Session } from './session.ts';
import { type Instant, isDelta, type Push, type SessionRequest, type Step, type Variant } from './session-types.ts';
import type { TypeUrl } from './type-urls.ts';
import { text } from './wire.ts';

/** Where time comes from; control-plane/runtime's Clock is one. */
export interface XdsClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Runs `action` once after `ms`. */
  after(ms: number, action: () => void): { cancel(): void };
}

export interface StreamOptions {
  readonly call: ServerCall<Push>;
  readonly variant: Variant;
  /** undefined = the stream carries all types. */
  readonly only: TypeUrl | undefined;
  readonly cache: SnapshotCache;
  readonly clock: XdsClock;
  readonly hooks: XdsHooks;
  readonly limits: XdsLimits;
  readonly decode: (bytes: Uint8Array, isFirst: boolean) => ParsedRequest | string;
  readonly onClosed: () => void;
}

/** Known from the first request on. */
export interface Connection {
  readonly node: string;
  /** Without what only the proxy's build decides. */
  readonly details: JsonObject;
  /** Wall clock, ms since 1970. */
  readonly connectedSince: number;
  readonly session: Session;
  readonly membership: Membership;
}

const SUPPORTS_TTL = 'xds.config.supports-resource-ttl';
/** Only a wrapped resource can tell a time to live; in delta all are wrapped. */
const SUPPORTS_WRAPPED = 'xds.config.supports-resource-in-sotw';

export class StreamServer implements CallHandler<Uint8Array> {
  readonly variant: Variant;
  readonly only: TypeUrl | undefined;
  readonly peer: string;
  connection: Connection | undefined;
  readonly #options: StreamOptions;
  #isOpen = true;
  #heartbeat: { readonly at: number; cancel(): void } | undefined;
  #age: { cancel(): void } | undefined;
  /** Ends the stream once its session is quiet. */
  #ending: (() => void) | undefined;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(options: StreamOptions) {
    const { call, variant, only } = options;
    this.variant = variant;
    this.only = only;
    this.peer = call.peer;
    this.#options = options;
  }

  onDrain(): void {
    // Nothing was written while it was full, so nothing but what changed meanwhile is missing.
    this.#step(({ session, membership }, at) => session.resume(at, membership.snapshot));
  }

  onEnd(): void {
    this.#options.call.end();
  }

  fail(code: status, details: string): void {
    this.#options.call.fail(code, shortened(details));
  }

  /** Resolves when the stream has ended, by this or otherwise. */
  failWhenQuiet(code: status, details: string): Promise<void> {
    this.#closed = Promise.withResolvers();
    if (!this.#isOpen) this.#closed.resolve();
    const { promise } = this.#closed;
    this.#end(() => this.fail(code, details));
    return promise;
  }

  /** A clean end when the time is over and the proxy has answered; if it does not, when it next does. */
  endAfter(ms: number): void {
    this.#age = this.#options.clock.after(ms, () => {
      this.#end(() => this.#options.call.end());
    });
  }

  #end(action: () => void): void {
    this.#ending = action;
    if (this.connection?.session.isQuiet ?? true) action();
  }

  onMessage(bytes: Uint8Array): void {
    const parsed = this.#options.decode(bytes, this.connection === undefined);
    if (typeof parsed === 'string') {
      this.#refuse(status.INVALID_ARGUMENT, parsed);
      return;
    }
    const { request } = parsed;
    const node = parsed.node ? text(parsed.node, 'id') : '';
    if (!this.connection && node === '') {
      this.#refuse(status.INVALID_ARGUMENT, 'the first request of a stream must tell node.id');
      return;
    }
    const excess = this.#excess(request);
    if (excess !== '') {
      this.#refuse(status.RESOURCE_EXHAUSTED, excess);
      return;
    }
    const connection = this.connection ?? this.#connect(node, parsed.node ?? {});
    this.connection = connection;
    const { session, membership } = connection;
    this.#options.hooks.onRequest?.(connection.node, request.type);
    const before = session.subscription(request.type);
    const step = session.onRequest(request, this.#instant(), membership.snapshot);
    const after = session.subscription(request.type);
    if (after && after !== before) membership.subscribed(request.type, before, after);
    this.#apply(step, connection);
  }

  /** Which limit the request breaks, or ''. */
  #excess(request: SessionRequest): string {
    const { namesPerType, typesPerStream } = this.#options.limits;
    const session = this.connection?.session;
    const had = session?.subscription(request.type);
    const names = isDelta(request)
      ? Math.max(
          request.subscribe.length + (had?.names.size ?? 0) - request.unsubscribe.length,
          request.initialVersions.size,
        )
      : request.names.length;
    if (names > namesPerType) return `${names} names of ${request.type} are asked for; ${namesPerType} is the most`;
    const types = (session?.typeCount ?? 0) + (had ? 0 : 1);
    return types > typesPerStream ? `a stream may ask for ${typesPerStream} types` : '';
  }

  #refuse(code: status, message: string): void {
    const node = this.connection?.node ?? '';
    this.fail(code, message);
    this.#options.hooks.onInvalid?.(node, shortened(message));
  }

  #connect(node: string, details: JsonObject): Connection {
    const { cache, clock, hooks } = this.#options;
    const membership = cache.join(node, details, {
      onSnapshot: (snapshot) => this.#step((connection, at) => connection.session.onSnapshot(snapshot, at)),
      // Asked already when it joins, before there is a session.
      subscription: (type) => this.connection?.session.subscription(type),
    });
    const { client_features: features } = details;
    const isAble = (feature: string) => Array.isArray(features) && features.includes(feature);
    const session = new Session({
      memory: membership.memory,
      variant: this.variant,
      aggregated: this.only === undefined,
      ttl: isAble(SUPPORTS_TTL) && (this.variant === 'delta' || isAble(SUPPORTS_WRAPPED)),
      snapshot: membership.snapshot,
    });
    const kept = withoutBuild(details);
    const connection = { node, details: kept, connectedSince: clock.wall(), session, membership };
    this.connection = connection;
    hooks.onNode?.(node, details);
    return connection;
  }

  #step(decide: (connection: Connection, at: Instant) => Step): void {
    if (this.connection) this.#apply(decide(this.connection, this.#instant()), this.connection);
  }

  #apply({ pushes, events }: Step, { node, session }: Connection): void {
    const { call, hooks } = this.#options;
    for (const push of pushes) {
      if (!call.write(push)) session.pause();
      hooks.onPush?.(node, push);
    }
    for (const event of events) {
      if (event.kind === 'ack') hooks.onAck?.(node, event);
      else hooks.onNack?.(node, event);
    }
    this.#setHeartbeat(session.timerAt);
    if (this.#ending && session.isQuiet) this.#ending();
  }

  #setHeartbeat(at: number | undefined): void {
    if (at === this.#heartbeat?.at) return;
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
    if (at === undefined || !this.#isOpen) return;
    const { clock } = this.#options;
    const timer = clock.after(Math.max(0, at - clock.now()), () => {
      this.#heartbeat = undefined;
      this.#step(({ session }, now) => session.onTimer(now));
    });
    this.#heartbeat = { at, cancel: () => timer.cancel() };
  }

  onClosed(): void {
    this.#isOpen = false;
    this.#heartbeat?.cancel();
    this.#age?.cancel();
    const { connection } = this;
    connection?.membership.leave();
    this.#options.onClosed();
    if (connection) this.#options.hooks.onClosed?.(connection.node);
    this.#closed?.resolve();
  }

  #instant(): Instant {
    const { clock } = this.#options;
    return { now: clock.now(), wall: clock.wall() };
  }
}

/** Envoy lists some hundred extensions: more than all the rest that is kept of a proxy. */
function withoutBuild({ extensions: _, client_features: __, ...details }: JsonObject): JsonObject {
  return details;
}

const LONGEST_DETAILS = 500;

/** What the proxy sent may be in it. A status travels in a header, and one that is too long ends the whole connection. */
function shortened(details: string): string {
  return details.length <= LONGEST_DETAILS ? details : `${details.slice(0, LONGEST_DETAILS).toWellFormed()} ...`;
}
