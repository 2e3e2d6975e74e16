/** One server with its cache, and the proxies that a behaviour brings to it. */
import assert from 'node:assert/strict';
import type { Client } from '@grpc/grpc-js';
import type { JsonObject } from '../../proto/json.ts';
import { buildSnapshot, type ProxyState, type Rejection, type TypeStatus } from '../../xds/index.ts';
import { startXds, type XdsFixture } from '../support/ads-envoy.ts';
import { until } from '../support/until.ts';
import { type Answer, openConnection, RawProxy, VARIANTS, type Variant } from './client.ts';
import {
  CLUSTERS,
  ENDPOINTS,
  EXTENSIONS,
  type Kind,
  type KindKey,
  LISTENERS,
  ROUTES,
  RUNTIMES,
  SECRETS,
} from './types.ts';

/** Its JSON form, alone or with a version or a time to live in milliseconds. */
export type ResourceInput =
  | JsonObject
  | { readonly resource: JsonObject; readonly version?: string; readonly ttlMs?: number };

export const NODE = 'node/under-test';
const BARRIER_NODE = 'node/barrier';

/** Content by kind and name: a number is a variation of the kind's own small resource. */
export type Contents = Partial<Record<KindKey, Readonly<Record<string, number | ResourceInput>>>>;

export interface Nack {
  readonly node: string;
  readonly type: string;
  readonly rejection: Rejection;
}

export class Stage implements AsyncDisposable {
  readonly variant: Variant;
  readonly #server: XdsFixture;
  readonly #connections: Client[] = [];
  readonly #barriers = new Map<RawProxy, RawProxy>();
  /** All refusals so far. */
  readonly nacks: Nack[];
  #rounds = 0;

  private constructor(variant: Variant, server: XdsFixture, nacks: Nack[]) {
    this.variant = variant;
    this.#server = server;
    this.nacks = nacks;
  }

  static async open(variant: Variant, port = 0): Promise<Stage> {
    const nacks: Nack[] = [];
    const hooks = {
      onNack: (node: string, { type, rejection }: { type: string; rejection: Rejection }) => {
        nacks.push({ node, type, rejection });
      },
    };
    return new Stage(variant, await startXds(hooks, port), nacks);
  }

  get port(): number {
    return this.#server.port;
  }

  get server(): XdsFixture {
    return this.#server;
  }

  /** Replaces all that the node is to have. */
  publish(contents: Contents, node = NODE): void {
    this.#server.cache.set(node, buildSnapshot(inputOf(contents), 'any'));
  }

  connect(node = NODE, variant = this.variant): RawProxy {
    const connection = openConnection(this.port);
    const proxy = new RawProxy(connection, variant, node);
    this.#connections.push(connection);
    const barrier = new RawProxy(connection, VARIANTS.sotwAggregated, `${BARRIER_NODE}/${this.#barriers.size}`);
    this.#barriers.set(proxy, barrier);
    return proxy;
  }

  /** What the server says of the node and the kind, over all of the node's streams. */
  status(kind: Kind, node = NODE): TypeStatus | undefined {
    return this.connections(node)
      .flatMap(({ types }) => types)
      .find(({ type }) => type === kind.url);
  }

  connections(node = NODE): ProxyState[] {
    return this.#server.xds.proxies().filter((proxy) => proxy.node === node);
  }

  async acknowledged(answer: Answer, node = NODE): Promise<TypeStatus> {
    return await until(
      () => {
        const status = this.status(answer.kind, node);
        return status?.acked && status.acked.version === status.sent?.version ? status : undefined;
      },
      { what: `the acknowledgement of ${answer.kind.key}`, intervalMs: 1 },
    );
  }

  /**
   * Returns when the server has processed all that the proxy said before, and what it sent then has arrived: another
   * stream of the same connection asks, and is answered, several times over. On the proxy's own stream the request could
   * change what is tested.
   */
  async barrier(proxy: RawProxy): Promise<void> {
    const barrier = this.#barriers.get(proxy);
    if (!barrier) throw new Error('that proxy is not on this stage');
    for (let round = 0; round < ROUNDS; round += 1) {
      this.#rounds += 1;
      this.publish({ clusters: { barrier: this.#rounds } }, barrier.node);
      if (barrier.nonces.length === 0) barrier.ask(CLUSTERS);
      await barrier.take(CLUSTERS);
    }
  }

  /** Nothing that no test took has come, and nothing is on its way. */
  async quiet(...proxies: readonly RawProxy[]): Promise<void> {
    for (const proxy of proxies) {
      await this.barrier(proxy);
      assert.deepEqual(
        proxy.waiting.map(({ raw }) => raw),
        [],
        'nothing was to come',
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await this.#server[Symbol.asyncDispose]();
  }
}

const ROUNDS = 3;

function inputOf(contents: Contents): Record<KindKey, ResourceInput[]> {
  const of = ({ key, make }: Kind): ResourceInput[] =>
    Object.entries(contents[key] ?? {}).map(([name, content]) =>
      typeof content === 'number' ? make(name, content) : content,
    );
  return {
    clusters: of(CLUSTERS),
    endpoints: of(ENDPOINTS),
    listeners: of(LISTENERS),
    routes: of(ROUTES),
    secrets: of(SECRETS),
    extensions: of(EXTENSIONS),
    runtimes: of(RUNTIMES),
  };
}
