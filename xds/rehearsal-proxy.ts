/** A proxy of a rehearsal: asks as Envoy does, for clusters, their endpoints and listeners, and acknowledges all. */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { FrameReader, framed } from '../grpc/frames.ts';
import { encode } from '../proto/encode.ts';
import type { JsonObject } from '../proto/json.ts';
import { readResponse } from './response-reader.ts';
import { SERVER_OPTIONS } from './server.ts';
import type { Variant } from './session-types.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from './type-urls.ts';

const SERVICE = 'envoy.service.discovery.v3';
const METHODS = { sotw: 'StreamAggregatedResources', delta: 'DeltaAggregatedResources' } as const;
const MESSAGES = { sotw: 'DiscoveryRequest', delta: 'DeltaDiscoveryRequest' } as const;

export interface RehearsalProxyOptions {
  readonly session: ClientHttp2Session;
  readonly variant: Variant;
  readonly node: string;
  /** Names of the endpoints that its clusters need. */
  readonly endpoints: () => readonly string[];
}

export class RehearsalProxy {
  readonly #options: RehearsalProxyOptions;
  readonly #stream: ClientHttp2Stream;
  /** Of endpoints that it asked for. */
  #names: readonly string[] = [];
  #hasListeners = false;
  /** By type: what the last response is acknowledged with. */
  readonly #answers = new Map<string, JsonObject>();

  constructor(options: RehearsalProxyOptions) {
    const { session, variant, node } = options;
    this.#options = options;
    this.#stream = session.request({
      ':method': 'POST',
      ':path': `/${SERVICE}.AggregatedDiscoveryService/${METHODS[variant]}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const frames = new FrameReader(SERVER_OPTIONS.messageBytesMost);
    this.#stream.on('data', (chunk: Buffer) => frames.read(chunk, (message) => this.#onResponse(message)));
    // The rehearsal ends with its connections.
    this.#stream.on('error', () => {});
    this.#send({ node: { id: node }, type_url: CLUSTER_TYPE });
  }

  close(): void {
    this.#stream.close();
  }

  #onResponse(message: Buffer): void {
    const { version, typeUrl, nonce } = readResponse(message);
    this.#answers.set(typeUrl, { version_info: version, response_nonce: nonce });
    // As Envoy: what clusters need is asked for before they are acknowledged.
    if (typeUrl === CLUSTER_TYPE) this.#askForEndpoints();
    if (typeUrl === ENDPOINT_TYPE && !this.#hasListeners) {
      this.#hasListeners = true;
      this.#send({ type_url: LISTENER_TYPE });
    }
    if (this.#options.variant === 'delta') this.#send({ type_url: typeUrl, response_nonce: nonce });
    else this.#sendState(typeUrl);
  }

  #askForEndpoints(): void {
    const names = this.#options.endpoints();
    const added = names.filter((name) => !this.#names.includes(name));
    if (added.length === 0) return;
    this.#names = names;
    if (this.#options.variant === 'delta') this.#send({ type_url: ENDPOINT_TYPE, resource_names_subscribe: added });
    else this.#sendState(ENDPOINT_TYPE);
  }

  #sendState(typeUrl: string): void {
    const resource_names = typeUrl === ENDPOINT_TYPE ? this.#names : [];
    this.#send({ type_url: typeUrl, resource_names, ...this.#answers.get(typeUrl) });
  }

  #send(request: JsonObject): void {
    this.#stream.write(framed(encode(`${SERVICE}.${MESSAGES[this.#options.variant]}`, request)));
  }
}
