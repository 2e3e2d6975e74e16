/**
 * Requests to etcd over gRPC: to one of its members at a time, to the next when that one does not answer. Knows nothing
 * of what is stored. https://etcd.io/docs/v3.6/learning/api/
 */
import { Client, type ClientOptions, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { decode } from '../../../proto/decode.ts';
import { encode } from '../../../proto/encode.ts';
import type { JsonObject } from '../../../proto/json.ts';
import { type Codec, type MethodDefinition, methodDefinition } from '../../../proto/service.ts';
import { HowdahError } from '../../model/errors.ts';
import { WireFields } from '../../runtime/wire-fields.ts';
import {
  type Condition,
  conditionToWire,
  type Keys,
  type Operation,
  operationToWire,
  rangeOf,
  type Stored,
  storedFromWire,
} from './messages.ts';
import { openWatch, type Watch, type WatchHandlers } from './watch.ts';

/** A request that is not answered by then failed; whether it took effect is not known. */
const REQUEST_LIMIT_MS = 1_500;

const OPTIONS: ClientOptions = {
  // etcd ends the connection of a client that pings more often than every 5 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
};

/** What every answer about keys says of the store itself. */
export interface Header {
  /** Decimal. */
  readonly clusterId: string;
  readonly revision: number;
}

export interface RangeAnswer {
  readonly header: Header;
  readonly found: readonly Stored[];
}

export interface TransactionAnswer {
  readonly header: Header;
  /** All conditions held, so `success` was done; else `failure` was. */
  readonly succeeded: boolean;
  /** Of each operation in order: what a `get` found. */
  readonly found: readonly (Stored | undefined)[];
}

export interface Transaction {
  readonly when: readonly Condition[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export class EtcdClient {
  readonly #members: readonly { readonly url: string; readonly client: Client }[];
  #current = 0;
  #closed = false;

  /** @param urls `http://HOST:PORT` of one or more members, or https with a certificate of a known authority. */
  constructor(urls: readonly string[]) {
    this.#members = urls.map((url) => {
      const { protocol, host } = new URL(url);
      const trust = protocol === 'https:' ? credentials.createSsl() : credentials.createInsecure();
      return { url, client: new Client(host, trust, OPTIONS) };
    });
  }

  /** For messages: where it is looked for. */
  get where(): string {
    return this.#members.map(({ url }) => url).join(', ');
  }

  /** A linearizable read: what is answered was true at some moment after the question. */
  async range(keys: Keys, what: 'all' | 'keys' = 'all'): Promise<RangeAnswer> {
    const answer = await this.#request(KV.range, { ...rangeOf(keys), keys_only: what === 'keys' });
    return { header: headerOf(answer), found: answer.messages('kvs').map(storedFromWire) };
  }

  async transaction({ when, success, failure }: Transaction): Promise<TransactionAnswer> {
    const answer = await this.#request(KV.transaction, {
      compare: when.map(conditionToWire),
      success: success.map(operationToWire),
      failure: failure.map(operationToWire),
    });
    const found = answer.messages('responses').map((response) => {
      const [first] = response.optional('response_range')?.messages('kvs') ?? [];
      return first && storedFromWire(first);
    });
    return { header: headerOf(answer), succeeded: answer.flag('succeeded'), found };
  }

  /** @returns the lease's id and the seconds that were granted: etcd has a least number of its own. */
  async grantLease(seconds: number): Promise<{ readonly id: string; readonly seconds: number }> {
    const answer = await this.#request(LEASE.grant, { TTL: String(seconds) });
    return { id: answer.bits('ID').toString(), seconds: answer.count('TTL') };
  }

  /** @returns the seconds that it lasts from the moment that etcd got this on; 0 = it is over. */
  async renewLease(id: string): Promise<number> {
    return (await this.#request(LEASE.renew, { ID: id })).count('TTL');
  }

  async revokeLease(id: string): Promise<void> {
    await this.#request(LEASE.revoke, { ID: id });
  }

  /** All changes from `revision` on, until it breaks or is closed. */
  watch(keys: Keys, revision: number, handlers: WatchHandlers): Watch {
    return openWatch(
      this.#members[this.#current]!.client,
      { ...rangeOf(keys), start_revision: String(revision) },
      handlers,
    );
  }

  /** The member that is asked now does not serve well: the next one is asked from here on. */
  moveOn(): void {
    this.#current = (this.#current + 1) % this.#members.length;
  }

  close(): void {
    this.#closed = true;
    for (const { client } of this.#members) client.close();
  }

  #request(method: Method, body: JsonObject): Promise<WireFields> {
    const { client, url } = this.#members[this.#current]!;
    const { promise, resolve, reject } = Promise.withResolvers<WireFields>();
    if (this.#closed) return Promise.reject(new HowdahError('unavailable', 'the store is closed'));
    const { path, requestSerialize, responseDeserialize } = method;
    const deadline = Date.now() + REQUEST_LIMIT_MS;
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, body, { deadline }, (error, answer) => {
      if (error) reject(this.#failure(error, url));
      else resolve(new WireFields(answer ?? {}, path));
    });
    return promise;
  }

  #failure(error: ServiceError, url: string): HowdahError {
    const isAway = error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED;
    if (isAway && this.#members[this.#current]?.url === url) this.moveOn();
    const code = error.code === status.RESOURCE_EXHAUSTED ? 'resource-exhausted' : 'unavailable';
    const what = isAway ? 'does not answer' : 'refuses';
    return new HowdahError(code, `etcd at ${url} ${what}: ${error.details}`, { cause: error });
  }
}

type Method = MethodDefinition<JsonObject, JsonObject>;

function codec(typeName: string): Codec<JsonObject> {
  return { encode: (value) => encode(typeName, value), decode: (bytes) => decode(typeName, bytes) };
}

function method(service: string, name: string, message: string): Method {
  const own = (suffix: string) => codec(`etcdserverpb.${message}${suffix}`);
  return methodDefinition(`etcdserverpb.${service}`, name, own('Request'), own('Response'));
}

const KV = { range: method('KV', 'Range', 'Range'), transaction: method('KV', 'Txn', 'Txn') };
const LEASE = {
  grant: method('Lease', 'LeaseGrant', 'LeaseGrant'),
  revoke: method('Lease', 'LeaseRevoke', 'LeaseRevoke'),
  // A stream in etcd's API; one request and its answer are a stream too.
  renew: method('Lease', 'LeaseKeepAlive', 'LeaseKeepAlive'),
};

function headerOf(answer: WireFields): Header {
  const header = answer.message('header');
  return { clusterId: header.bits('cluster_id').toString(), revision: header.count('revision') };
}
