/**
 * Clients of discovery that say what a test says and nothing else: a stream of raw requests and responses, and above it
 * a proxy that puts one test's words into the form of each variant of the protocol. Nothing is answered by itself.
 */
import { Client, type ClientDuplexStream, credentials, type StatusObject } from '@grpc/grpc-js';
import { decode } from '../../proto/decode.ts';
import { encode } from '../../proto/encode.ts';
import { isObject, type Json, type JsonObject } from '../../proto/json.ts';
import { NotYet, until } from '../support/until.ts';
import { type Kind, kindOf } from './types.ts';

export interface Variant {
  readonly name: string;
  /** Differences travel, not states. */
  readonly delta: boolean;
  /** All types on one stream. */
  readonly aggregated: boolean;
}

export const VARIANTS = {
  sotwAggregated: { name: 'state of the world, aggregated', delta: false, aggregated: true },
  deltaAggregated: { name: 'delta, aggregated', delta: true, aggregated: true },
  sotwPerType: { name: 'state of the world, a stream per type', delta: false, aggregated: false },
  deltaPerType: { name: 'delta, a stream per type', delta: true, aggregated: false },
} as const satisfies Record<string, Variant>;

const AGGREGATED = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

export function methodPath(variant: Variant, kind: Kind): string {
  if (variant.aggregated) return `/${AGGREGATED}/${variant.delta ? 'Delta' : 'Stream'}AggregatedResources`;
  return `/${kind.service}/${variant.delta ? kind.deltaMethod : kind.streamMethod}`;
}

/** One gRPC stream. */
export class RawStream {
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  readonly #delta: boolean;
  status: StatusObject | undefined;
  /** A write that the other side does not take waits in memory; this is how many do. */
  writesWaiting = 0;

  constructor(client: Client, path: string, delta: boolean, onResponse: (bytes: Buffer) => void) {
    const raw = (bytes: Buffer) => bytes;
    this.#delta = delta;
    this.#stream = client.makeBidiStreamRequest(path, raw, raw);
    this.#stream.on('data', onResponse);
    // The status says it too.
    this.#stream.on('error', () => {});
    this.#stream.on('status', (status) => {
      this.status = status;
    });
  }

  send(request: JsonObject): void {
    const type = this.#delta ? 'DeltaDiscoveryRequest' : 'DiscoveryRequest';
    this.sendBytes(encode(`envoy.service.discovery.v3.${type}`, request));
  }

  sendBytes(bytes: Uint8Array): void {
    this.writesWaiting += 1;
    this.#stream.write(Buffer.from(bytes), () => {
      this.writesWaiting -= 1;
    });
  }

  /** Reads no more until `resume`. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Says that nothing more will be asked. */
  end(): void {
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.cancel();
  }

  /** How the server ended it. */
  async ended(): Promise<StatusObject> {
    return await until(() => this.status, { what: 'the end of the stream', intervalMs: 2 });
  }
}

/** One response, in the same form for all variants. */
export interface Answer {
  readonly kind: Kind;
  readonly version: string;
  readonly nonce: string;
  /** Content by name, in the order of the response. */
  readonly resources: ReadonlyMap<string, JsonObject>;
  /** Of single resources, where the variant tells them. */
  readonly versions: Readonly<Record<string, string>>;
  /** Time to live by name, as JSON has it; absent = none. */
  readonly ttls: Readonly<Record<string, Json>>;
  /** Names in `removed_resources`. */
  readonly removed: readonly string[];
  /** Names that are in it more than once. */
  readonly repeated: readonly string[];
  /** Names of resources without content: they only live longer. */
  readonly heartbeats: readonly string[];
  readonly raw: JsonObject;
}

/** Names that an answer brings, sorted. */
export function namesIn(answer: Answer): string[] {
  return [...answer.resources.keys()].sort();
}

/** What a request says besides the usual. */
export interface Asking {
  /** Names to ask for from now on. */
  readonly add?: readonly string[];
  /** Names to ask for no more. */
  readonly remove?: readonly string[];
  /** Fields of the request instead of the usual ones. */
  readonly fields?: JsonObject;
}

interface Conversation {
  readonly stream: RawStream;
  saidNode: boolean;
}

interface Asked {
  /** State of the world says them all each time. */
  names: string[];
  version: string;
  nonce: string;
}

/** Shared with no other. */
export function openConnection(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
}

/** One proxy of one node. */
export class RawProxy {
  readonly node: string;
  readonly variant: Variant;
  /** Responses that no test took yet, in the order of their arrival over all types. */
  readonly waiting: Answer[] = [];
  /** Types of all responses so far, in that order. */
  readonly arrivals: string[] = [];
  readonly nonces: string[] = [];
  readonly #client: Client;
  readonly #conversations = new Map<string, Conversation>();
  readonly #asked = new Map<Kind, Asked>();

  constructor(connection: Client, variant: Variant, node: string) {
    this.node = node;
    this.variant = variant;
    this.#client = connection;
  }

  /** Its stream that carries this kind; opened when first used. */
  stream(kind: Kind): RawStream {
    return this.#conversation(kind).stream;
  }

  /** Asks for names; none in the first request means what the protocol says that it means. */
  ask(kind: Kind, { add = [], remove = [], fields = {} }: Asking = {}): void {
    const asked = this.#askedOf(kind);
    asked.names = [...asked.names.filter((name) => !remove.includes(name)), ...add];
    this.#send(kind, {
      ...(this.variant.delta
        ? { resource_names_subscribe: add, resource_names_unsubscribe: remove }
        : { resource_names: asked.names, version_info: asked.version, response_nonce: asked.nonce }),
      ...fields,
    });
  }

  /** Accepts; may change what is asked for in the same request. */
  ack({ kind, nonce, version }: Answer, asking: Asking = {}): void {
    const asked = this.#askedOf(kind);
    asked.version = version;
    asked.nonce = nonce;
    this.ask(kind, { ...asking, fields: { response_nonce: nonce, ...asking.fields } });
  }

  /** Refuses. */
  nack({ kind, nonce }: Answer, message: string, asking: Asking = {}): void {
    this.#askedOf(kind).nonce = nonce;
    const error_detail = { code: 13, message };
    this.ask(kind, { ...asking, fields: { response_nonce: nonce, error_detail, ...asking.fields } });
  }

  /** The next response of that kind. */
  async next(kind: Kind): Promise<Answer> {
    const index = await until(
      () => {
        const found = this.waiting.findIndex((answer) => answer.kind === kind);
        return found >= 0 ? { found } : new NotYet(this.stream(kind).status ?? this.arrivals);
      },
      { what: `a response about ${kind.key} (${this.variant.name})`, intervalMs: 1 },
    );
    return this.waiting.splice(index.found, 1)[0]!;
  }

  /** Takes the next response of that kind and accepts it. */
  async take(kind: Kind): Promise<Answer> {
    const answer = await this.next(kind);
    this.ack(answer);
    return answer;
  }

  /** Forgets the streams, as when the connection broke; the next request opens a new one and tells `version` again. */
  disconnect(): void {
    for (const { stream } of this.#conversations.values()) stream.cancel();
    this.#conversations.clear();
    this.waiting.length = 0;
    for (const asked of this.#asked.values()) {
      asked.names = [];
      asked.nonce = '';
    }
  }

  #send(kind: Kind, fields: JsonObject): void {
    const conversation = this.#conversation(kind);
    const node = conversation.saidNode ? {} : { node: { id: this.node } };
    conversation.saidNode = true;
    conversation.stream.send({ ...node, type_url: kind.url, ...fields });
  }

  #conversation(kind: Kind): Conversation {
    const path = methodPath(this.variant, kind);
    const open = this.#conversations.get(path);
    if (open) return open;
    const stream = new RawStream(this.#client, path, this.variant.delta, (bytes) => {
      // What comes late from a stream that was given up is nobody's.
      if (this.#conversations.get(path) !== conversation) return;
      const answer = readAnswer(bytes, this.variant.delta);
      this.arrivals.push(answer.kind.key);
      this.nonces.push(answer.nonce);
      this.waiting.push(answer);
    });
    const conversation: Conversation = { stream, saidNode: false };
    this.#conversations.set(path, conversation);
    return conversation;
  }

  #askedOf(kind: Kind): Asked {
    const known = this.#asked.get(kind);
    if (known) return known;
    const asked: Asked = { names: [], version: '', nonce: '' };
    this.#asked.set(kind, asked);
    return asked;
  }
}

const WRAPPER = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

function readAnswer(bytes: Uint8Array, delta: boolean): Answer {
  const name = `envoy.service.discovery.v3.${delta ? 'DeltaDiscoveryResponse' : 'DiscoveryResponse'}`;
  const raw = decode(name, bytes);
  const kind = kindOf(text(raw.type_url));
  const resources = new Map<string, JsonObject>();
  const versions: Record<string, string> = {};
  const ttls: Record<string, Json> = {};
  const repeated: string[] = [];
  const heartbeats: string[] = [];
  for (const entry of list(raw.resources)) {
    const wrapped = delta || entry['@type'] === WRAPPER;
    const content = wrapped ? entry.resource : entry;
    const resourceName = text(wrapped ? entry.name : entry[kind.nameField]);
    if (resources.has(resourceName) || heartbeats.includes(resourceName)) repeated.push(resourceName);
    if (isObject(content)) resources.set(resourceName, content);
    else heartbeats.push(resourceName);
    if (wrapped) versions[resourceName] = text(entry.version);
    if (wrapped && entry.ttl !== undefined) ttls[resourceName] = entry.ttl;
  }
  const removed = Array.isArray(raw.removed_resources) ? raw.removed_resources.map(text).sort() : [];
  const version = text(delta ? raw.system_version_info : raw.version_info);
  return { kind, version, nonce: text(raw.nonce), resources, versions, ttls, removed, repeated, heartbeats, raw };
}

function text(json: Json | undefined): string {
  return typeof json === 'string' ? json : '';
}

function list(json: Json | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}
