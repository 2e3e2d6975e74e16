/** A gateway's proxy without an Envoy: subscribes as Envoy does, accepts all, and tells when a route arrived. */
import type { Client } from '@grpc/grpc-js';
import { FieldReader } from '../../proto/field-reader.ts';
import type { JsonObject } from '../../proto/json.ts';
import { methodPath, RawStream, VARIANTS } from '../../test/conformance/client.ts';
import { CLUSTERS } from '../../test/conformance/types.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from '../../xds/index.ts';

/** Field numbers of envoy.service.discovery.v3.DiscoveryResponse. */
const VERSION_INFO = 1;
const RESOURCES = 2;
const TYPE_URL = 4;
const NONCE = 5;

/** `health_status: DRAINING` of an LbEndpoint. */
const DRAINING = Buffer.from([0x10, 0x03]);

export interface Arrival {
  readonly epoch: number;
  /** `moved`: the listener leads to the epoch. `opened`: its EnvoyCluster has its endpoint. */
  readonly what: 'moved' | 'opened';
  /** Wall clock, ms. */
  readonly at: number;
}

export class RawProxy {
  readonly arrivals: Arrival[] = [];
  readonly #node: string;
  readonly #cluster: string;
  readonly #stream: RawStream;
  #isFirst = true;
  #names: readonly string[] = [];

  constructor(client: Client, node: string, cluster: string) {
    this.#node = node;
    this.#cluster = cluster;
    const path = methodPath(VARIANTS.sotwAggregated, CLUSTERS);
    this.#stream = new RawStream(client, path, false, (bytes) => this.#onResponse(bytes, Date.now()));
    this.#ask({ type_url: CLUSTER_TYPE });
    this.#ask({ type_url: LISTENER_TYPE });
  }

  has(epoch: number, what: Arrival['what']): Arrival | undefined {
    return this.arrivals.find((arrival) => arrival.epoch === epoch && arrival.what === what);
  }

  close(): void {
    this.#stream.cancel();
  }

  #ask(request: JsonObject): void {
    this.#stream.send(this.#isFirst ? { node: { id: this.#node }, ...request } : request);
    this.#isFirst = false;
  }

  #onResponse(bytes: Buffer, at: number): void {
    const fields = new FieldReader('envoy.service.discovery.v3.DiscoveryResponse', bytes);
    const resources: Buffer[] = [];
    let [version_info, type_url, response_nonce] = ['', '', ''];
    for (let field = fields.next(); field !== 0; field = fields.next()) {
      if (field === VERSION_INFO) version_info = fields.text();
      else if (field === TYPE_URL) type_url = fields.text();
      else if (field === NONCE) response_nonce = fields.text();
      else if (field === RESOURCES) resources.push(Buffer.from(fields.bytes()));
      else fields.skip();
    }
    const answer = { version_info, type_url, response_nonce };
    this.#ask(type_url === ENDPOINT_TYPE ? { ...answer, resource_names: this.#names } : answer);
    for (const resource of resources) this.#look(type_url, resource, at);
  }

  #look(type: string, resource: Buffer, at: number): void {
    const epoch = Number(new RegExp(`e(\\d+)\\.rw\\.${this.#cluster}`).exec(resource.toString('latin1'))?.[1] ?? 0);
    if (epoch === 0) return;
    if (type === LISTENER_TYPE) this.#note(epoch, 'moved', at);
    else if (type === ENDPOINT_TYPE) {
      // Its endpoints have the names of instances. One that drains is only checked, until the gate opens.
      if (resource.includes(`${this.#cluster}-`) && !resource.includes(DRAINING)) this.#note(epoch, 'opened', at);
    } else if (type === CLUSTER_TYPE) {
      const names = ['any', 'ro', `e${epoch}.rw`].map((route) => `${route}.${this.#cluster}`);
      if (names.join() === this.#names.join()) return;
      this.#names = names;
      this.#ask({ type_url: ENDPOINT_TYPE, resource_names: names });
    }
  }

  #note(epoch: number, what: Arrival['what'], at: number): void {
    if (!this.has(epoch, what)) this.arrivals.push({ epoch, what, at });
  }
}
