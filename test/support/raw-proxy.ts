/**
 * A gateway's proxy without an Envoy: subscribes as Envoy does, accepts all, and tells when a route arrived. As with
 * Envoy, clusters are accepted once all have endpoints, and every request answers the last response of its type.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { FrameReader, framed } from '../../grpc/frames.ts';
import { encode } from '../../proto/encode.ts';
import { FieldReader } from '../../proto/field-reader.ts';
import { ANY_FIELDS } from '../../proto/field-writer.ts';
import type { JsonObject } from '../../proto/json.ts';
import { ANY } from '../../proto/well-known.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from '../../xds/index.ts';
import { readResponse } from '../../xds/response-reader.ts';
import { NotYet, type UntilOptions, until } from './until.ts';

/** Of Cluster, Listener and ClusterLoadAssignment alike. */
const NAME = 1;

/** `health_status: DRAINING` of an LbEndpoint. */
const DRAINING = Buffer.from([0x10, 0x03]);

const REQUEST = 'envoy.service.discovery.v3.DiscoveryRequest';
const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
const HEADERS = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' } as const;

/** An Envoy takes so long about a response, and then answers. */
const ENVOY_MS = 5;

export interface Arrival {
  readonly epoch: number;
  /**
   * `prepared`: the epoch's EnvoyCluster is there, perhaps without an endpoint. `moved`: the listener leads to it. `opened`: it has its
   * endpoint.
   */
  readonly what: 'prepared' | 'moved' | 'opened';
  /** Wall clock, ms. */
  readonly at: number;
}

export class RawProxy {
  readonly arrivals: Arrival[] = [];
  readonly #node: string;
  readonly #cluster: string;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  /** By type: what every request of it tells since the last response. */
  readonly #answers = new Map<string, JsonObject>();
  #isFirst = true;
  /** EnvoyClusters that it is to have. */
  #names: readonly string[] = [];
  /** Those of them that have endpoints. */
  #warm: readonly string[] = [];
  #owesClusters = false;

  /**
   * On a connection of its own, with as little between it and the bytes as there can be: many share a processor.
   * @param onGone the connection ended, or could not be made; it makes no other by itself
   */
  constructor(address: string, node: string, cluster: string, onGone: () => void = () => {}) {
    this.#node = node;
    this.#cluster = cluster;
    this.#session = connect(`http://${address}`);
    this.#stream = this.#session.request(HEADERS);
    const frames = new FrameReader(2 ** 24);
    this.#stream.on('data', (chunk: Buffer) => {
      const at = Date.now();
      // Elsewhere each proxy has a processor. Here what they do about it would keep the others from being read.
      setTimeout(() => frames.read(chunk, (bytes) => this.#onResponse(bytes, at)), ENVOY_MS);
    });
    // A proxy that gets nothing more is what the wait for it tells.
    for (const each of [this.#session, this.#stream]) each.on('error', () => {});
    this.#session.once('close', onGone);
    this.#ask(CLUSTER_TYPE);
    this.#ask(LISTENER_TYPE);
  }

  has(epoch: number, what: Arrival['what']): Arrival | undefined {
    return this.arrivals.find((arrival) => arrival.epoch === epoch && arrival.what === what);
  }

  close(): void {
    this.#session.destroy();
  }

  #ask(type_url: string): void {
    const node = this.#isFirst ? { node: { id: this.#node } } : {};
    const names = type_url === ENDPOINT_TYPE ? { resource_names: this.#names } : {};
    const request = { ...node, type_url, ...names, ...this.#answers.get(type_url) };
    this.#stream.write(framed(encode(REQUEST, request)));
    this.#isFirst = false;
  }

  #onResponse(bytes: Buffer, at: number): void {
    const { version, typeUrl: type, nonce, resources } = readResponse(bytes);
    this.#answers.set(type, { version_info: version, response_nonce: nonce });
    const names = resources.map((resource) => {
      const name = nameIn(resource);
      this.#look(type, Buffer.from(resource), name, at);
      return name;
    });
    if (type === CLUSTER_TYPE) {
      const isNew = names.some((name) => !this.#names.includes(name));
      this.#names = names;
      this.#warm = this.#warm.filter((name) => names.includes(name));
      this.#owesClusters = true;
      if (isNew) this.#ask(ENDPOINT_TYPE);
    } else {
      if (type === ENDPOINT_TYPE) this.#warm = [...new Set([...this.#warm, ...names])];
      this.#ask(type);
    }
    if (!this.#owesClusters || this.#names.some((name) => !this.#warm.includes(name))) return;
    this.#owesClusters = false;
    this.#ask(CLUSTER_TYPE);
  }

  #look(type: string, resource: Buffer, name: string, at: number): void {
    const text = type === LISTENER_TYPE ? resource.toString('latin1') : name;
    const epoch = Number(new RegExp(`e(\\d+)\\.rw\\.${this.#cluster}`).exec(text)?.[1] ?? 0);
    if (epoch === 0) return;
    if (type === LISTENER_TYPE) this.#note(epoch, 'moved', at);
    if (type !== ENDPOINT_TYPE) return;
    this.#note(epoch, 'prepared', at);
    // Its endpoints have the names of instances. One that drains is only checked, until the gate opens.
    if (resource.includes(`${this.#cluster}-`) && !resource.includes(DRAINING)) this.#note(epoch, 'opened', at);
  }

  #note(epoch: number, what: Arrival['what'], at: number): void {
    if (!this.has(epoch, what)) this.arrivals.push({ epoch, what, at });
  }
}

/** When each proxy got it, wall clock, ms; one that takes another's place in the list meanwhile counts in its stead. */
export async function arrivalsAtAll(
  proxies: readonly RawProxy[],
  epoch: number,
  what: Arrival['what'],
  limits: Pick<UntilOptions, 'timeoutMs' | 'intervalMs'>,
): Promise<number[]> {
  const look = () => {
    const found = proxies.flatMap((proxy) => proxy.has(epoch, what) ?? []);
    return found.length === proxies.length ? found : new NotYet(found.length);
  };
  const arrivals = await until(look, { what: `all proxies to have ${what} in epoch ${epoch}`, ...limits });
  return arrivals.map(({ at }) => at);
}

function nameIn(any: Uint8Array): string {
  const fields = new FieldReader(ANY, any);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field !== ANY_FIELDS.value) {
      fields.skip();
      continue;
    }
    const resource = new FieldReader('a resource', fields.bytes());
    if (resource.next() === NAME) return resource.text();
  }
  throw new Error('a resource without a name');
}
