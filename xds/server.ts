/** Aggregated discovery over gRPC: carries between the streams, their sessions and the cache. */
import { type Server, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { type JsonObject, ProtoError } from '../proto/json.ts';
import { type Codec, methodDefinition } from '../proto/service.ts';
import type { SnapshotCache } from './cache.ts';
import type { TypeContents } from './contents.ts';
import {
  type Instant,
  type Push,
  Session,
  type SessionEvent,
  type SessionRequest,
  type Step,
  type TypeStatus,
} from './session.ts';
import { isTypeUrl, RESOURCE_TYPES, type TypeUrl } from './type-urls.ts';
import { decodeRequest, encodeResponse, text } from './wire.ts';

/** Where time comes from; control-plane/runtime's Clock is one. */
export interface XdsClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
}

/** Called as things happen, for the control plane, its log and its metrics. */
export interface XdsHooks {
  /** A stream told its node (envoy.config.core.v3.Node). It waits for a snapshot if the cache has none. */
  onNode?(node: string, details: JsonObject): void;
  onRequest?(node: string, type: TypeUrl): void;
  onPush?(node: string, push: Push): void;
  onAck?(node: string, event: Extract<SessionEvent, { kind: 'ack' }>): void;
  onNack?(node: string, event: Extract<SessionEvent, { kind: 'nack' }>): void;
  /** A stream was ended because its proxy broke the protocol; `node` is '' when it did not tell it. */
  onInvalid?(node: string, message: string): void;
  onClosed?(node: string): void;
}

/** One connected proxy. */
export interface ProxyState {
  readonly node: string;
  /** Wall clock, ms since 1970. */
  readonly connectedSince: number;
  /** Types that the proxy asked for, in the order of RESOURCE_TYPES. */
  readonly types: readonly TypeStatus[];
}

/** One connected proxy and every resource that it has, is to have, or asked for. */
export interface ProxyContents {
  /** envoy.config.core.v3.Node without what only the proxy's build decides: its extensions and features. */
  readonly details: JsonObject;
  readonly types: readonly TypeContents[];
}

/**
 * Options for the gRPC server. A proxy that vanished without a word is noticed within keepalive time and timeout.
 * Requests are small but for the node's extensions and the names of what is subscribed to.
 */
export const SERVER_OPTIONS = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
} as const;

const requestCodec: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };
const responseCodec: Codec<Push> = {
  encode: encodeResponse,
  decode() {
    throw new Error('a server reads no responses');
  },
};
const SERVICE = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

type Stream = ServerDuplexStream<Uint8Array, Push>;

interface Connection {
  readonly node: string;
  readonly details: JsonObject;
  readonly connectedSince: number;
  readonly session: Session;
  retry(type: TypeUrl): void;
  close(): void;
}

export class XdsServer {
  readonly #cache: SnapshotCache;
  readonly #clock: XdsClock;
  readonly #hooks: XdsHooks;
  readonly #streams = new Set<Stream>();
  readonly #connections = new Set<Connection>();

  constructor(options: { cache: SnapshotCache; clock: XdsClock; hooks?: XdsHooks }) {
    this.#cache = options.cache;
    this.#clock = options.clock;
    this.#hooks = options.hooks ?? {};
  }

  /** Adds the service; the delta variant is answered with UNIMPLEMENTED. */
  register(server: Server): void {
    const stream = methodDefinition(SERVICE, 'StreamAggregatedResources', requestCodec, responseCodec);
    server.addService({ stream }, { stream: (call: Stream) => this.#serve(call) });
  }

  /** In the order in which they connected. */
  proxies(): ProxyState[] {
    return Array.from(this.#connections, ({ node, connectedSince, session }) => ({
      node,
      connectedSince,
      types: session.status(),
    }));
  }

  /** One for each stream, in the order in which they connected; read when asked for, so that filters cost little. */
  *contents(wanted: (details: JsonObject) => boolean): Iterable<ProxyContents> {
    for (const { details, session } of this.#connections) {
      if (wanted(details)) yield { details, types: session.contents() };
    }
  }

  /** Sends what the proxy refused last of the type once more; a proxy that refused nothing of it gets nothing. */
  retry(node: string, type: TypeUrl): void {
    for (const connection of this.#connections) if (connection.node === node) connection.retry(type);
  }

  /** Ends all streams: the proxies keep their configuration and look for another control plane. */
  close(): void {
    for (const stream of this.#streams) fail(stream, status.UNAVAILABLE, 'the control plane is stopping');
  }

  #serve(stream: Stream): void {
    let connection: Connection | undefined;
    this.#streams.add(stream);
    stream.on('data', (bytes: Uint8Array) => {
      if (!this.#streams.has(stream)) return;
      const request = parse(bytes, connection === undefined);
      if (typeof request === 'string' || (!connection && request.node === '')) {
        const message = typeof request === 'string' ? request : 'the first request of a stream must tell node.id';
        fail(stream, status.INVALID_ARGUMENT, message);
        this.#hooks.onInvalid?.(connection?.node ?? '', message);
        return;
      }
      connection ??= this.#connect(stream, request);
      const { node, session } = connection;
      this.#hooks.onRequest?.(node, request.request.type);
      this.#apply(stream, node, session.onRequest(request.request, this.#instant()));
    });
    const close = () => {
      this.#streams.delete(stream);
      connection?.close();
    };
    stream.on('end', () => stream.end());
    for (const event of ['end', 'cancelled', 'error', 'close']) stream.on(event, close);
  }

  #connect(stream: Stream, { node, details }: ParsedRequest): Connection {
    const membership = this.#cache.join(node, details, {
      onSnapshot: (snapshot) => this.#apply(stream, node, session.onSnapshot(snapshot, this.#instant())),
      subscription: (type) => session.subscription(type),
    });
    const session = new Session(membership.memory, membership.snapshot);
    const connection: Connection = {
      node,
      details: withoutBuild(details),
      connectedSince: this.#clock.wall(),
      session,
      retry: (type) => this.#apply(stream, node, session.retry(type, this.#instant())),
      close: () => {
        if (!this.#connections.delete(connection)) return;
        membership.leave();
        this.#hooks.onClosed?.(node);
      },
    };
    this.#connections.add(connection);
    this.#hooks.onNode?.(node, details);
    return connection;
  }

  #apply(stream: Stream, node: string, step: Step): void {
    for (const push of step.pushes) {
      stream.write(push);
      this.#hooks.onPush?.(node, push);
    }
    for (const event of step.events) {
      if (event.kind === 'ack') this.#hooks.onAck?.(node, event);
      else this.#hooks.onNack?.(node, event);
    }
  }

  #instant(): Instant {
    return { now: this.#clock.now(), wall: this.#clock.wall() };
  }
}

interface ParsedRequest {
  readonly node: string;
  readonly details: JsonObject;
  readonly request: SessionRequest;
}

/** The request, or what is wrong with it. Only a stream's first one tells of the node. */
function parse(bytes: Uint8Array, isFirst: boolean): ParsedRequest | string {
  try {
    const { node, typeUrl, ...rest } = decodeRequest(bytes, isFirst);
    if (!isTypeUrl(typeUrl)) return `${typeUrl || 'no type'} is not served; there are ${RESOURCE_TYPES.join(', ')}`;
    return { node: node ? text(node, 'id') : '', details: node ?? {}, request: { type: typeUrl, ...rest } };
  } catch (error) {
    if (error instanceof ProtoError) return error.message;
    throw error;
  }
}

/** Envoy lists some hundred extensions: more than all the rest that is kept of a proxy. */
function withoutBuild({ extensions: _, client_features: __, ...details }: JsonObject): JsonObject {
  return details;
}

function fail(stream: Stream, code: number, details: string): void {
  stream.emit('error', { code, details });
}
