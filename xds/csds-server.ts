/** The client status discovery service over gRPC: what every connected proxy has, for whoever asks. */
import {
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
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

type Stream = ServerDuplexStream<Uint8Array, Uint8Array>;

export class ClientStatusServer {
  readonly #source: ClientStatusSource;
  readonly #now: () => number;
  readonly #streams = new Set<Stream>();

  /** @param options.now monotonic milliseconds */
  constructor(options: { source: ClientStatusSource; now: () => number }) {
    this.#source = options.source;
    this.#now = options.now;
  }

  register(server: Server): void {
    const stream = methodDefinition(SERVICE, 'StreamClientStatus', plain, plain);
    const fetch = methodDefinition(SERVICE, 'FetchClientStatus', plain, plain);
    server.addService(
      { stream, fetch },
      {
        stream: (call: Stream) => this.#serve(call),
        fetch: (call: ServerUnaryCall<Uint8Array, Uint8Array>, callback: sendUnaryData<Uint8Array>) => {
          this.#answer(call.request, () => call.cancelled).then(
            (bytes) => callback(null, bytes),
            (error) => callback(refusal(error)),
          );
        },
      },
    );
  }

  close(): void {
    for (const stream of this.#streams) {
      stream.emit('error', { code: status.UNAVAILABLE, details: 'the control plane is stopping' });
    }
  }

  /** One answer for each request, in their order; the next is read when this one is written. */
  #serve(stream: Stream): void {
    this.#streams.add(stream);
    const isGone = () => !this.#streams.has(stream);
    let busy = false;
    let ended = false;
    stream.on('data', async (bytes: Uint8Array) => {
      stream.pause();
      busy = true;
      try {
        const answer = await this.#answer(bytes, isGone);
        if (isGone()) return;
        if (!stream.write(answer)) await new Promise((resolve) => stream.once('drain', resolve));
        busy = false;
        if (ended) stream.end();
        else stream.resume();
      } catch (error) {
        if (!isGone()) stream.emit('error', refusal(error));
      }
    });
    stream.on('end', () => {
      ended = true;
      if (!busy) stream.end();
    });
    const close = () => {
      this.#streams.delete(stream);
      // Whoever waits for it to be read waits for nothing.
      stream.emit('drain');
    };
    for (const event of ['cancelled', 'error', 'close']) stream.once(event, close);
  }

  async #answer(request: Uint8Array, isGone: () => boolean): Promise<Uint8Array> {
    const { matches, excludeContents, problems } = decodeQuery(request);
    if (problems.length > 0) throw new BadFilter(problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
    const clients: Uint8Array[] = [];
    let size = 0;
    let turnBegan = this.#now();
    for (const client of this.#source.contents(matches)) {
      const bytes = encodeClient(client, excludeContents);
      clients.push(bytes);
      size += bytes.length;
      if (size > ANSWER_BYTES_MOST) throw new TooLarge();
      if (this.#now() - turnBegan < TURN_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      if (isGone()) break;
      turnBegan = this.#now();
    }
    return joinClients(clients);
  }
}

class BadFilter extends Error {}

class TooLarge extends Error {
  constructor() {
    const most = ANSWER_BYTES_MOST / 1024 / 1024;
    super(`the answer has more than ${most} MiB: narrow node_matchers, or set exclude_resource_contents`);
  }
}

function refusal(error: unknown): Pick<ServiceError, 'code' | 'details'> {
  const details = error instanceof Error ? error.message : String(error);
  if (error instanceof BadFilter || error instanceof ProtoError) return { code: status.INVALID_ARGUMENT, details };
  return { code: error instanceof TooLarge ? status.RESOURCE_EXHAUSTED : status.INTERNAL, details };
}
