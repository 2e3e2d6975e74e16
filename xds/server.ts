/**
 * Discovery over gRPC: both variants, all types on one stream or one type on each. Admits streams and knows them; what
 * happens on one is in stream-server.ts.
 */
import { status } from '@grpc/grpc-js';
import type { ServerCall } from '../grpc/call.ts';
import type { RpcServerOptions, ServiceHost } from '../grpc/rpc-server.ts';
import { type JsonObject, ProtoError } from '../proto/json.ts';
import { type Codec, methodDefinition } from '../proto/service.ts';
import type { SnapshotCache } from './cache.ts';
import type { TypeContents } from './contents.ts';
import { Admission, DEFAULT_LIMITS, type XdsLimits } from './limits.ts';
import type { Push, SessionEvent, SessionRequest, TypeStatus, Variant } from './session-types.ts';
import { StreamServer, type XdsClock } from './stream-server.ts';
import { RESOURCE_TYPES, TYPES, type TypeKey, type TypeUrl } from './type-urls.ts';
import { decodeRequest, encodeResponse } from './wire.ts';
import { decodeDeltaRequest, encodeDeltaResponse } from './wire-delta.ts';

/** Called as things happen, for the control plane, its log and its metrics. */
export interface XdsHooks {
  /** A stream told its node (envoy.config.core.v3.Node). It waits for a snapshot if the cache has none. */
  onNode?(node: string, details: JsonObject): void;
  onRequest?(node: string, type: TypeUrl): void;
  onPush?(node: string, push: Push): void;
  onAck?(node: string, event: Extract<SessionEvent, { kind: 'ack' }>): void;
  onNack?(node: string, event: Extract<SessionEvent, { kind: 'nack' }>): void;
  /** A stream was ended because its proxy broke the protocol or a limit; `node` is '' when it did not tell it. */
  onInvalid?(node: string, message: string): void;
  onClosed?(node: string): void;
}

/** One stream of a connected proxy. */
export interface ProxyState {
  readonly node: string;
  readonly variant: Variant;
  /** The one type that the stream carries; null = all. */
  readonly only: TypeKey | null;
  /** `ADDRESS:PORT` of the proxy. */
  readonly peer: string;
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

export interface XdsServerOptions {
  readonly cache: SnapshotCache;
  readonly clock: XdsClock;
  readonly hooks?: XdsHooks;
  /** Default: DEFAULT_LIMITS. */
  readonly limits?: Partial<XdsLimits>;
  /**
   * Streams end cleanly after about so long, so that proxies spread over the replicas of a control plane that come and go;
   * see serverOptions. Default: they live on.
   */
  readonly streamAge?: StreamAge;
}

export interface StreamAge {
  /** Each stream lives 0.9 to 1.1 times this, in milliseconds. */
  readonly ms: number;
  /** 0 to 1, as Math.random. */
  random(): number;
}

/**
 * Settings of the server that the streams come in at. A proxy that vanished without a word is noticed within keepalive
 * time and timeout. Requests are small but for the node's extensions and the names of what is subscribed to; a larger one
 * is answered with RESOURCE_EXHAUSTED.
 */
export const SERVER_OPTIONS = {
  keepaliveMs: 10_000,
  keepaliveTimeoutMs: 5_000,
  messageBytesMost: 4 * 1024 * 1024,
} as const;

/**
 * The same with an age for connections too: a stream that ends on a connection that lives on would begin anew on it, at
 * the same replica. The connection refuses new streams before the first of them ends.
 */
export function serverOptions({ ms, random }: StreamAge): Omit<RpcServerOptions, 'clock'> {
  return { ...SERVER_OPTIONS, connectionAge: { ms: Math.floor(ms * 0.8), random } };
}

const AGGREGATED = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

const raw: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };

function responses(encode: (push: Push) => Uint8Array): Codec<Push> {
  return {
    encode,
    decode() {
      throw new Error('a server reads no responses');
    },
  };
}

const RESPONSES: Readonly<Record<Variant, Codec<Push>>> = {
  sotw: responses(encodeResponse),
  delta: responses(encodeDeltaResponse),
};

export class XdsServer {
  readonly #cache: SnapshotCache;
  readonly #clock: XdsClock;
  readonly #hooks: XdsHooks;
  readonly #limits: XdsLimits;
  readonly #streamAge: StreamAge | undefined;
  readonly #admission: Admission;
  readonly #streams = new Set<StreamServer>();
  #stopping = false;

  constructor({ cache, clock, hooks = {}, limits = {}, streamAge }: XdsServerOptions) {
    this.#cache = cache;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#streamAge = streamAge;
    this.#admission = new Admission(this.#limits);
  }

  /** Adds the aggregated service and that of each type. Fetching once is answered with UNIMPLEMENTED. */
  register(server: ServiceHost): void {
    this.#addService(server, AGGREGATED, 'StreamAggregatedResources', 'DeltaAggregatedResources', undefined);
    for (const { service, stream, delta, typeUrl } of Object.values(TYPES)) {
      this.#addService(server, service, stream, delta, typeUrl);
    }
  }

  /** In the order in which they connected. */
  proxies(): ProxyState[] {
    const states: ProxyState[] = [];
    for (const { connection, variant, only, peer } of this.#streams) {
      if (!connection) continue;
      const { node, connectedSince, session } = connection;
      const key = only ? TYPES[only].key : null;
      states.push({ node, variant, only: key, peer, connectedSince, types: session.status() });
    }
    return states;
  }

  /** One for each stream, in the order in which they connected; read when asked for, so that filters cost little. */
  *contents(wanted: (details: JsonObject) => boolean): Iterable<ProxyContents> {
    for (const { connection } of this.#streams) {
      if (connection && wanted(connection.details)) {
        yield { details: connection.details, types: connection.session.contents() };
      }
    }
  }

  /** Ends all streams: the proxies keep their configuration and look for another control plane. */
  close(): void {
    this.#stopping = true;
    for (const stream of this.#streams) stream.fail(status.UNAVAILABLE, STOPPING);
  }

  /**
   * Takes no new streams, ends each that is there once its proxy has answered what was sent, and after the limit the rest.
   * Resolves when none is left.
   */
  async shutdown({ limitMs }: { readonly limitMs: number }): Promise<void> {
    this.#stopping = true;
    const ends = [...this.#streams].map((stream) => stream.failWhenQuiet(status.UNAVAILABLE, STOPPING));
    const timer = this.#clock.after(limitMs, () => this.close());
    await Promise.all(ends);
    timer.cancel();
  }

  #addService(server: ServiceHost, service: string, stream: string, delta: string, only: TypeUrl | undefined): void {
    const sotwMethod = methodDefinition(service, stream, raw, RESPONSES.sotw);
    const deltaMethod = methodDefinition(service, delta, raw, RESPONSES.delta);
    server.stream(sotwMethod, (call) => this.#open(call, 'sotw', only));
    server.stream(deltaMethod, (call) => this.#open(call, 'delta', only));
  }

  #open(call: ServerCall<Push>, variant: Variant, only: TypeUrl | undefined): StreamServer | undefined {
    if (this.#stopping) {
      call.fail(status.UNAVAILABLE, STOPPING);
      return undefined;
    }
    const refusal = this.#admission.admit(call.peer);
    if (refusal !== '') {
      call.fail(status.RESOURCE_EXHAUSTED, refusal);
      this.#hooks.onInvalid?.('', refusal);
      return undefined;
    }
    const stream = new StreamServer({
      call,
      variant,
      only,
      cache: this.#cache,
      clock: this.#clock,
      hooks: this.#hooks,
      limits: this.#limits,
      decode: (bytes, isFirst) => decodeFor(variant, only, bytes, isFirst),
      onClosed: () => {
        this.#streams.delete(stream);
        this.#admission.release(call.peer);
      },
    });
    this.#streams.add(stream);
    if (this.#streamAge) {
      const { ms, random } = this.#streamAge;
      stream.endAfter(ms * (0.9 + 0.2 * random()));
    }
    return stream;
  }
}

const STOPPING = 'the control plane is stopping';

export interface ParsedRequest {
  readonly node: JsonObject | undefined;
  readonly request: SessionRequest;
}

/** The request, or what is wrong with it. Only a stream's first one tells of the node. */
function decodeFor(
  variant: Variant,
  only: TypeUrl | undefined,
  bytes: Uint8Array,
  isFirst: boolean,
): ParsedRequest | string {
  try {
    const decoded = variant === 'sotw' ? decodeRequest(bytes, isFirst) : decodeDeltaRequest(bytes, isFirst);
    const { node, typeUrl, ...rest } = decoded;
    if (only !== undefined) {
      if (typeUrl !== '' && typeUrl !== only) return `${typeUrl} is asked for on a stream of ${only}`;
      return { node, request: { type: only, ...rest } };
    }
    const type = RESOURCE_TYPES.find((known) => known === typeUrl);
    if (!type) return `${typeUrl || 'no type'} is not served; there are ${RESOURCE_TYPES.join(', ')}`;
    return { node, request: { type, ...rest } };
  } catch (error) {
    if (error instanceof ProtoError) return error.message;
    throw error;
  }
}
