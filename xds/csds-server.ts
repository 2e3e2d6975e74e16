/** The client status discovery service over gRPC: what every connected proxy has, for whoever asks. */
import { status } from '@grpc/grpc-js';
import type { CallHandler, ServerCall } from '../grpc/call.ts';
import { failWith, RpcError, type ServiceHost } from '../grpc/rpc-server.ts';
import { type JsonObject, ProtoError } from '../proto/json.ts';
import { type Codec, methodDefinition } from '../proto/service.ts';
import { type ClientContents, decodeQuery, encodeClient, joinClients } from './csds.ts';

/** What it needs of the server that the proxies are connected to; XdsServer is one. */
export interface ClientStatusSource {
  contents(wanted: (details: JsonObject) => boolean): Iterable<ClientContents>;
}

const SERVICE = 'envoy.service.status.v3.ClientStatusDiscoveryService';
const plain: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };

/** Larger answers are refused: ask for fewer proxies, or without contents. */
const ANSWER_BYTES_MOST = 64 * 1024 * 1024;
/** How long the answer may hold up everything else that this process does. */
const TURN_MS = 5;

export class ClientStatusServer {
  readonly #source: ClientStatusSource;
  readonly #now: () => number;
  readonly #calls = new Set<ServerCall<Uint8Array>>();

  /** @param options.now monotonic milliseconds */
  constructor(options: { source: ClientStatusSource; now: () => number }) {
    this.#source = options.source;
    this.#now = options.now;
  }

  register(server: ServiceHost): void {
    const stream = methodDefinition(SERVICE, 'StreamClientStatus', plain, plain);
    const fetch = methodDefinition(SERVICE, 'FetchClientStatus', plain, plain);
    server.stream(stream, (call) => this.#serve(call));
    server.unary(fetch, (request, call) => this.#answer(request, call));
  }

  close(): void {
    for (const call of this.#calls) call.fail(status.UNAVAILABLE, 'the control plane is stopping');
  }

  /** One answer for each request, in their order; the next is read when this one is written. */
  #serve(call: ServerCall<Uint8Array>): CallHandler<Uint8Array> {
    this.#calls.add(call);
    const waiting: Uint8Array[] = [];
    let busy = false;
    let ended = false;
    let drained = () => {};
    const answerAll = async () => {
      busy = true;
      call.pause();
      for (let request = waiting.shift(); request && call.isOpen; request = waiting.shift()) {
        try {
          const answer = await this.#answer(request, call);
          if (call.isOpen && !call.write(answer)) await new Promise<void>((resolve) => (drained = resolve));
        } catch (error) {
          failWith(call, error);
        }
      }
      busy = false;
      if (ended) call.end();
      else call.resume();
    };
    return {
      onMessage: (request) => {
        waiting.push(request);
        if (!busy) void answerAll();
      },
      onEnd: () => {
        ended = true;
        if (!busy) call.end();
      },
      onDrain: () => drained(),
      onClosed: () => {
        this.#calls.delete(call);
        // Whoever waits for it to be read waits for nothing.
        drained();
      },
    };
  }

  async #answer(request: Uint8Array, call: { readonly isOpen: boolean }): Promise<Uint8Array> {
    const { matches, excludeContents } = queryOf(request);
    const clients: Uint8Array[] = [];
    let size = 0;
    let turnBegan = this.#now();
    for (const client of this.#source.contents(matches)) {
      const bytes = encodeClient(client, excludeContents);
      clients.push(bytes);
      size += bytes.length;
      if (size > ANSWER_BYTES_MOST) throw new RpcError(status.RESOURCE_EXHAUSTED, TOO_LARGE);
      if (this.#now() - turnBegan < TURN_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      if (!call.isOpen) break;
      turnBegan = this.#now();
    }
    return joinClients(clients);
  }
}

const TOO_LARGE =
  `the answer has more than ${ANSWER_BYTES_MOST / 1024 / 1024} MiB: ` +
  'narrow node_matchers, or set exclude_resource_contents';

/** @throws RpcError */
function queryOf(request: Uint8Array): ReturnType<typeof decodeQuery> {
  try {
    const query = decodeQuery(request);
    if (query.problems.length === 0) return query;
    const details = query.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new RpcError(status.INVALID_ARGUMENT, details);
  } catch (error) {
    if (error instanceof ProtoError) throw new RpcError(status.INVALID_ARGUMENT, error.message);
    throw error;
  }
}
